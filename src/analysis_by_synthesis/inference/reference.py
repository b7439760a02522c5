"""The inference in plain PyTorch: it defines what is correct, and runs on any device."""

import math
from collections.abc import Sequence
from copy import deepcopy
from functools import cached_property

import torch
from torch import Tensor, nn

from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.inference.engine import Inference, Runs
from analysis_by_synthesis.inference.objective import objective
from analysis_by_synthesis.inference.tables import Tables, build_tables
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.params.inference import InferenceSettings

TIED = 4  # of so many best candidates float64 tells which is the best


class ReferenceInference(Inference):
    """All classes in one batch, on the decoders' device.

    Results depend on the batch that an image sits in only by the rounding of PyTorch's kernels.
    """

    images_at_once = 64

    @torch.no_grad()
    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings) -> None:
        self.decoders = [deepcopy(decoder).float().eval().requires_grad_(False) for decoder in decoders]
        device = next(self.decoders[0].parameters()).device
        super().__init__(decoders, settings, candidate_latents(settings, decoders[0].latent_dim).to(device))

    @cached_property
    def _candidate_images(self) -> Tensor:
        of_classes = [torch.cat([decoder(z) for z in self.candidates.split(1000)]) for decoder in self.decoders]
        return torch.stack(of_classes).flatten(2)

    @cached_property
    def _tables(self) -> Tables:
        components = self.settings.principal_components
        return build_tables(self.classes, self.candidates, components, self.decode, self.jacobian)

    @torch.no_grad()
    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        if isinstance(classes, int):
            decoded: Tensor = self.decoders[classes](latents)
            return decoded
        images = latents.new_empty(len(latents), *self.image_shape)
        for decoder, of_class in self._by_class(classes):
            images[of_class] = decoder(latents[of_class])
        return images

    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        if isinstance(classes, int):
            return jacobian(self.decoders[classes], latents)
        jacobians = latents.new_empty(len(latents), math.prod(self.image_shape), self.latent_dim)
        for decoder, of_class in self._by_class(classes):
            jacobians[of_class] = jacobian(decoder, latents[of_class])
        return jacobians

    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        of_each = self.jacobian(classes, latents)
        hessian = 2 * of_each.mT @ of_each + _identity(latents)
        inverse: Tensor = torch.linalg.inv(hessian)
        return inverse

    def _starts(self, x: Tensor, starts: int) -> Runs:
        tables, centred = self._tables, x.flatten(1) - self._tables.mean
        p, square = centred @ tables.basis, centred.square().sum(1)
        scores = tables.constants - 2 * torch.einsum("np,ckp->nck", p, tables.coordinates) + square[:, None, None]
        score, of = scores.topk(max(starts, self.settings.finalists), largest=False)
        classes = torch.arange(self.classes, device=x.device)[:, None].expand_as(of)
        gradient = tables.offsets[classes, of] + torch.einsum("np,ncfpi->ncfi", p, tables.slopes[classes, of])
        inverse_hessian = tables.inverse_hessians[classes, of]
        step = -(inverse_hessian @ gradient[..., None])[..., 0]
        scale = (self.settings.bfgs.max_step / step.norm(dim=3)).clamp(max=1)
        end = self.candidates[of] + scale[..., None] * step
        predicted = score + (scale - scale.square() / 2) * (step * gradient).sum(3)
        first = self._apart(end, predicted)[..., :starts]
        image, classes, _ = torch.meshgrid(
            *(torch.arange(size, device=x.device) for size in first.shape), indexing="ij"
        )
        return Runs.at(end, predicted, inverse_hessian)[image, classes, first]

    def _apart(self, latents: Tensor, values: Tensor) -> Tensor:
        """Indices (..., F) of the least values (..., F) whose latents (..., F, L) lie `separation` apart; then of the others."""
        rank = values.argsort(dim=-1, stable=True)
        latents = latents.take_along_dim(rank[..., None], -2)
        near = torch.cdist(latents, latents) < self.settings.separation
        apart = torch.ones_like(near[..., 0])
        for i in range(1, apart.shape[-1]):
            apart[..., i] = ~(near[..., i, :i] & apart[..., :i]).any(-1)
        return rank.take_along_dim((~apart).long().argsort(dim=-1, stable=True), -1)

    def bfgs(self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0) -> Runs:
        x = x[image]
        for _ in range(evaluations):
            runs = self._step(x, classes, runs, prior)
        return runs

    def _step(self, x: Tensor, classes: Tensor | None, runs: Runs, prior: float) -> Runs:
        """Evaluate D at the next trial of R runs, each for its image x (R, *image_shape), and accept or shorten the step."""
        how = self.settings.bfgs
        z, value, gradient, inverse, step = runs.fields()
        identity = _identity(z)
        direction = -(inverse @ gradient[:, :, None])[:, :, 0]
        direction = direction * (how.max_step / direction.norm(dim=1, keepdim=True)).clamp(max=1)
        slope = (direction * gradient).sum(1)
        trial = z + step[:, None] * direction
        trial_value, trial_gradient = self._value_and_gradient(x, classes, trial, prior)
        first = step == 0
        accepted = first | (trial_value <= value + how.armijo * step * slope)

        s, y = trial - z, trial_gradient - gradient
        curvature = (s * y).sum(1)
        updates = accepted & ~first & (curvature > how.min_curvature * s.norm(dim=1) * y.norm(dim=1))
        rho = torch.where(updates, 1 / curvature, 0)[:, None, None]
        left = identity - rho * s[:, :, None] * y[:, None, :]
        inverse = left @ inverse @ left.mT + rho * s[:, :, None] * s[:, None, :]

        parabola = -slope * step / (2 * (trial_value - value - slope * step))
        shortened = step * parabola.clamp(how.min_backtrack, 0.5)
        step = torch.where(accepted, 1, shortened)
        z = torch.where(accepted[:, None], trial, z)
        value = torch.where(accepted, trial_value, value)
        gradient = torch.where(accepted[:, None], trial_gradient, gradient)
        return Runs(z, value, gradient, inverse, step)

    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        start = self._starts_of_protocol(x)
        values, latents = zip(*(self._adam(decoder, x, z) for decoder, z in zip(self.decoders, start)))
        return torch.stack(values, 1), torch.stack(latents, 1)

    def _starts_of_protocol(self, x: Tensor) -> list[Tensor]:
        """The best candidate of each class (N, L); where rounding could decide, in float64."""
        prior, starts = self.candidates.square().sum(1) / 2, []
        for images in self._candidate_images:
            best = (torch.cdist(x.flatten(1), images).square() + prior).topk(TIED, largest=False).indices
            residual = images[best].double() - x.flatten(1)[:, None]
            exact = residual.square().sum(2) + prior[best]
            starts.append(self.candidates[best.gather(1, exact.argmin(1, keepdim=True))[:, 0]])
        return starts

    def _adam(self, decoder: nn.Module, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.clone().requires_grad_()
        best_value, best_z = torch.full_like(z[:, 0], torch.inf), z.detach().clone()
        adam = torch.optim.Adam([z], lr=self.settings.protocol.learning_rate, capturable=z.is_cuda)
        for _ in range(self.settings.protocol.steps):
            with torch.enable_grad():
                value, _ = objective(decoder, z, x)
                z.grad = torch.autograd.grad(value.sum(), z)[0]
            best_value, best_z = _better(best_value, best_z, value.detach(), z.detach())
            adam.step()
        return _better(best_value, best_z, objective(decoder, z, x)[0].detach(), z.detach())

    def _value_and_gradient(self, x: Tensor, classes: Tensor | None, z: Tensor, prior: float) -> tuple[Tensor, Tensor]:
        assert classes is not None  # only where decoders are batched
        value, gradient = torch.empty_like(z[:, 0]), torch.empty_like(z)
        for decoder, of_class in self._by_class(classes):
            with torch.enable_grad():
                latents = z[of_class].requires_grad_()
                values = objective(decoder, latents, x[of_class])[0] - (1 - prior) / 2 * latents.square().sum(1)
                gradient[of_class] = torch.autograd.grad(values.sum(), latents)[0]
            value[of_class] = values.detach()
        return value, gradient

    def _by_class(self, classes: Tensor) -> list[tuple[nn.Module, Tensor]]:
        indices = [(classes == c).nonzero()[:, 0] for c in range(self.classes)]
        return [(decoder, index) for decoder, index in zip(self.decoders, indices) if len(index)]


def jacobian(decoder: nn.Module, z: Tensor) -> Tensor:
    """dG/dz (N, P, L) at z (N, L)."""

    def derivative(direction: Tensor) -> Tensor:
        change: Tensor = torch.func.jvp(decoder, (z,), (direction.expand_as(z),))[1]
        return change.flatten(1)

    of_all: Tensor = torch.func.vmap(derivative, out_dims=2)(_identity(z))
    return of_all


def _identity(z: Tensor) -> Tensor:
    """(L, L), for latents z (N, L)."""
    return torch.eye(z.shape[1], dtype=z.dtype, device=z.device)


def _better(value: Tensor, z: Tensor, other_value: Tensor, other_z: Tensor) -> tuple[Tensor, Tensor]:
    better = other_value < value
    return torch.where(better, other_value, value), torch.where(better[:, None], other_z, z)
