"""The inference on GPUs without Triton: all classes in one network, and a step of BFGS is one CUDA graph."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from analysis_by_synthesis.inference.engine import Runs
from analysis_by_synthesis.inference.objective import objective
from analysis_by_synthesis.inference.reference import ReferenceInference, jacobian
from analysis_by_synthesis.inference.replayed import Replayed
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.params.inference import InferenceSettings


class BatchedInference(ReferenceInference):
    """The reference's searches with the same number of problems for each class, in the order (problem, class)."""

    images_at_once = 256

    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings) -> None:
        super().__init__(decoders, settings)
        torch.backends.cudnn.allow_tf32 = False  # D would be off by more than classes differ by at the boundary
        self._together = AllDecoders(decoders).float()
        self._replayed_step = Replayed(self._step_of, lengthen=False)
        self._replayed_adam = Replayed(lambda x, z: self._adam(self._together, x, z), lengthen=False)

    def bfgs(self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0) -> Runs:
        slot, slots = _slots(classes, self.classes)
        x, *state = (_spread(t, slot, slots) for t in (x[image], *runs.fields()))
        for _ in range(evaluations):
            state = list(self._replayed_step(x, *state, prior=prior))
        return Runs(*state)[slot]

    def _step_of(self, x: Tensor, *runs: Tensor, prior: float) -> tuple[Tensor, ...]:
        return self._step(x, None, Runs(*runs), prior).fields()

    def _value_and_gradient(self, x: Tensor, classes: Tensor | None, z: Tensor, prior: float) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = objective(self._together, z, x)[0] - (1 - prior) / 2 * z.square().sum(1)
            (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient

    @torch.no_grad()
    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        if isinstance(classes, int):
            return super().decode(classes, latents)
        slot, slots = _slots(classes, self.classes)
        decoded: Tensor = self._together(_spread(latents, slot, slots))[slot]
        return decoded

    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        if isinstance(classes, int):
            return super().jacobian(classes, latents)
        slot, slots = _slots(classes, self.classes)
        z = _spread(latents, slot, slots)
        return jacobian(self._together, z)[slot]

    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        start = torch.stack(self._starts_of_protocol(x), 1)
        value, latent = self._replayed_adam(x.repeat_interleave(self.classes, 0), start.flatten(0, 1))
        return value.view(start.shape[:2]), latent.view_as(start)


class AllDecoders(nn.Module):
    """Latents (N * C, L), the C classes in turn, to images (N * C, *image_shape): the decoders as one grouped network."""

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        super().__init__()
        self.classes, self.image_shape = len(decoders), decoders[0].image_shape
        self.network = deepcopy(decoders[0])
        for name, layer in decoders[0].named_children():
            states = [getattr(decoder, name).state_dict() for decoder in decoders]
            merged = _widened(layer, len(decoders)).to(next(layer.parameters()).device).eval().requires_grad_(False)
            merged.load_state_dict(
                {key: torch.cat([s[key] for s in states]) if value.ndim else value for key, value in states[0].items()}
            )
            setattr(self.network, name, merged)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.network(z.reshape(-1, self.classes * z.shape[1]))
        return images.reshape(-1, *self.image_shape)


def _widened(layer: nn.Module, classes: int) -> nn.Module:
    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(classes * layer.num_features, eps=layer.eps)
    assert isinstance(layer, nn.ConvTranspose2d)
    channels = classes * layer.in_channels, classes * layer.out_channels
    return nn.ConvTranspose2d(*channels, layer.kernel_size, layer.stride, groups=classes)  # type: ignore[arg-type]


def _slots(classes: Tensor, count: int) -> tuple[Tensor, int]:
    """Where problems of these classes (R,) go in a list of as many for each class, and how long it is.

    Its length is rounded up to a power of two for each class, so that only few different lengths occur.
    """
    order = classes.argsort(stable=True)
    of_class = classes.bincount(minlength=count)
    rank = torch.empty_like(classes)
    rank[order] = torch.arange(len(classes), device=classes.device) - (of_class.cumsum(0) - of_class)[classes[order]]
    return rank * count + classes, count * 2 ** (int(of_class.max()) - 1).bit_length()


def _spread(t: Tensor, slot: Tensor, slots: int) -> Tensor:
    spread = t.new_zeros(slots, *t.shape[1:])
    spread[slot] = t
    return spread
