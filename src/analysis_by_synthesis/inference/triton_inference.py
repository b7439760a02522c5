"""The inference on GPUs that Triton has kernels for: a search is one CUDA graph, and nothing in it waits for the host."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from analysis_by_synthesis.inference.engine import Runs
from analysis_by_synthesis.inference.reference import ReferenceInference
from analysis_by_synthesis.inference.replayed import Replayed
from analysis_by_synthesis.inference.triton_kernels import TritonDecoders
from analysis_by_synthesis.networks.vae import VAEDecoder
from analysis_by_synthesis.params.inference import InferenceSettings, Round

RUNS_AT_ONCE = 2**16  # each has 54 KB of activations; the kernels count these in 31 bits
JACOBIANS_AT_ONCE = 2**12  # each has 430 KB of tangents


class TritonInference(ReferenceInference):
    """The reference's searches on fixed slots: what takes no part in a round is of no class there, and costs nothing.

    An image of NaN is none: it never contends, since no comparison with NaN is true.
    """

    images_at_once = 512

    def __init__(self, decoders: Sequence[VAEDecoder], settings: InferenceSettings) -> None:
        super().__init__(decoders, settings)
        self._kernels = TritonDecoders(decoders)
        self._replayed_tournament = self.replayed(self._tournament_of)
        self._replayed_protocol = self.replayed(self._protocol_of)
        self._replayed_descent = self.replayed(self._descent_of)

    def replayed(self, function: Callable[..., Sequence[Tensor]]) -> Replayed:
        return Replayed(function, lengthen=True)

    @torch.no_grad()
    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        return _in_parts(self._kernels.decode, classes, latents, RUNS_AT_ONCE)

    @torch.no_grad()
    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        return _in_parts(self._kernels.jacobian, classes, latents, JACOBIANS_AT_ONCE).mT

    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        return _in_parts(self._kernels.inverse_hessian, classes, latents, JACOBIANS_AT_ONCE)

    def indices(self, active: Tensor) -> tuple[Tensor, Tensor]:
        sizes = (torch.arange(size, device=active.device) for size in active.shape)
        image, classes, *_ = torch.meshgrid(*sizes, indexing="ij")
        return image.flatten(), classes.masked_fill(~active, self.classes).flatten()

    def bfgs_where(self, active: Tensor, x: Tensor, runs: Runs, evaluations: int) -> Runs:
        flat = Runs(*(t.flatten(0, active.ndim - 1) for t in runs.fields()))
        found = self.bfgs(x, *self.indices(active), flat, evaluations)
        return Runs(*(t.unflatten(0, active.shape) for t in found.fields()))

    def bfgs(self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0) -> Runs:
        parts = zip(*(t.split(RUNS_AT_ONCE) for t in (classes, image, *runs.fields())))
        found = [self._replayed_descent(*part, x, evaluations=evaluations, prior=prior) for part in parts]
        return Runs(*map(torch.cat, zip(*found)))

    def _descent_of(
        self, classes: Tensor, image: Tensor, *runs_and_x: Tensor, evaluations: int, prior: float
    ) -> tuple[Tensor, ...]:
        *runs, x = runs_and_x
        how = self.settings.bfgs
        return self._kernels.bfgs(x, image, Runs(*runs), classes, evaluations, prior, how).fields()

    def _tournament(self, x: Tensor, rounds: Sequence[Round], gamma: Tensor | float, refine_winners: bool) -> Runs:
        of_classes = x.new_ones(1, self.classes) * gamma
        return Runs(*self._replayed_tournament(x, of_classes, rounds=tuple(rounds), refine_winners=refine_winners))

    def _tournament_of(
        self, x: Tensor, gamma: Tensor, rounds: Sequence[Round], refine_winners: bool
    ) -> tuple[Tensor, ...]:
        return super()._tournament(x, rounds, gamma[0], refine_winners).fields()

    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        value, latent = self._replayed_protocol(x)
        return value, latent

    def _protocol_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        start = torch.stack(self._starts_of_protocol(x), 1)
        image, classes = self.indices(~x[:, 0, 0, :1].isnan().expand(start.shape[:2]))
        value, latent = self._kernels.adam(x, image, classes, start.flatten(0, 1), self.settings.protocol)
        return value.view(start.shape[:2]), latent.view_as(start)


def _in_parts(
    function: Callable[[Tensor, Tensor], Tensor], classes: Tensor | int, latents: Tensor, at_once: int
) -> Tensor:
    """function(classes (N,), latents (N, 8)), for so many of them at once."""
    if isinstance(classes, int):
        classes = torch.full_like(latents[:, 0], classes, dtype=torch.long)
    return torch.cat([function(*part) for part in zip(classes.split(at_once), latents.split(at_once))])
