"""What every inference engine offers, and the tournament of BFGS runs behind it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis_by_synthesis.networks.vae import LATENT_DIM, Decoder
from analysis_by_synthesis.params.inference import InferenceSettings, Round

IMAGE_SHAPE = (1, 28, 28)


@dataclass(frozen=True)
class Solution:
    """The minima found for N images and C classes.

    Attributes:
        distance: D_c(x) (N, C), in squared pixel units.
        latent: z*_c(x) (N, C, 8).
        reconstruction: G_c(z*_c(x)) (N, C, 1, 28, 28).
    """

    distance: Tensor
    latent: Tensor
    reconstruction: Tensor


@dataclass
class Runs:
    """BFGS minimisations of D in progress; all fields share their leading dimensions.

    Attributes:
        latent: (..., 8).
        value: (...), D at the latent; foretold where `step` is 0.
        gradient: (..., 8).
        inverse_hessian: (..., 8, 8).
        step: (...), length of the next step relative to the quasi-Newton step; 0 where D has yet to be evaluated.
    """

    latent: Tensor
    value: Tensor
    gradient: Tensor
    inverse_hessian: Tensor
    step: Tensor

    @classmethod
    def at(cls, latent: Tensor, value: Tensor, inverse_hessian: Tensor) -> "Runs":
        """Runs that have yet to evaluate D at their start."""
        return cls(latent, value, torch.zeros_like(latent), inverse_hessian, torch.zeros_like(value))

    def fields(self) -> tuple[Tensor, ...]:
        return self.latent, self.value, self.gradient, self.inverse_hessian, self.step

    def __getitem__(self, index) -> "Runs":
        return Runs(*(t[index] for t in self.fields()))

    def __setitem__(self, index, runs: "Runs") -> None:
        for t, new in zip(self.fields(), runs.fields()):
            t[index] = new

    def copy(self) -> "Runs":
        """The same runs in memory of their own, row by row, as compiled code has to find them."""
        return Runs(*(t.clone(memory_format=torch.contiguous_format) for t in self.fields()))

    def predicted_decrease(self) -> Tensor:
        """1/2 g' H g (...): how far D falls to the minimum of the current quadratic model."""
        return torch.einsum("...i,...ij,...j->...", self.gradient, self.inverse_hessian, self.gradient) / 2


class Inference(ABC):
    """The search for D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2 of all classes (section 3, eq. 3 and 5).

    Images are float (N, 1, 28, 28) in [0, 1]; all methods raise ValueError for anything else. Nothing here is
    differentiable: by the envelope theorem dD_c/dx = 2 (x - G_c(z*)), which models.abs makes use of.

    Attributes:
        candidates: the latents (candidates, 8) among which searches start.
    """

    images_at_once: int

    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings, candidates: Tensor) -> None:
        self.classes = len(decoders)
        self.settings = settings
        self.candidates = candidates

    @torch.no_grad()
    def minimum(self, x: Tensor, gamma: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """D_c(x) (N, C) and z*_c(x) (N, C, 8) by the search that the settings name.

        Args:
            gamma: scalars (C,) of Binary ABS: the classes that are least in gamma_c D_c are searched for longest.
        """
        if self.settings.search == "protocol":
            return self.protocol(x)
        runs = self.search(x, self.settings.default, gamma)
        return runs.value, runs.latent

    @torch.no_grad()
    def protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D_c(x) and z*_c(x) as `minimum`, by the paper's search."""
        check_images(x)
        value, latent = x.new_zeros(0, self.classes), x.new_zeros(0, self.classes, LATENT_DIM)
        found = [(value.float(), latent.float())] + [self._protocol(chunk) for chunk in self._chunks(x)]
        return tuple(map(torch.cat, zip(*found)))

    def solve(self, x: Tensor) -> Solution:
        """The search that the settings name."""
        return self._solution(*self.minimum(x))

    @torch.no_grad()
    def arbitrate(self, x: Tensor, gamma: Tensor | float = 1.0) -> Solution:
        """The converged search from several starts that decides what counts as an adversarial; gamma as in `minimum`."""
        runs = self.search(x, self.settings.arbiter, gamma, refine_winners=True)
        return self._solution(runs.value, runs.latent)

    @torch.no_grad()
    def decide(self, x: Tensor, gamma: Tensor | float = 1.0) -> Tensor:
        """The class (N,) of least gamma_c D_c(x) alone: classes that can't win any more drop out of the search.

        One that leads by the margin of the first round as foretold wins without any evaluation of D. `solve` is the
        better judge of images that are far from all classes.
        """
        return (gamma * self.search(x, self.settings.decision, gamma).value).argmin(1)

    @torch.no_grad()
    def search(self, x: Tensor, rounds: Sequence[Round], gamma: Tensor | float, refine_winners: bool = False) -> Runs:
        """The best run of each class (N, C), after a contest between the classes' gamma_c D_c.

        Unless winners are refined, an image drops out of the rounds that leave it a single contender.
        """
        check_images(x)
        found = [self._tournament(chunk, rounds, gamma, refine_winners) for chunk in self._chunks(x)]
        latent = x.new_zeros(0, self.classes, LATENT_DIM, dtype=torch.float32)
        nothing = Runs.at(latent, latent[:, :, 0], latent[:, :, :, None] @ latent[:, :, None, :])
        return Runs(*map(torch.cat, zip(*(runs.fields() for runs in [nothing, *found]))))

    @torch.no_grad()
    def minimise(
        self, x: Tensor, classes: Tensor, latents: Tensor, evaluations: int, prior: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """BFGS from given latents, for instance from those of a nearby image.

        Args:
            x: images (N, 1, 28, 28); here they may leave [0, 1].
            classes: one class (N,) for each image.
            latents: starts (N, 8).
            evaluations: of the objective and its gradient, for each image.
            prior: weight of 1/2 ||z||^2; the d_c^2 of eq. 7 is the minimum without it.

        Returns:
            the objective (N,) and the latents (N, 8).
        """
        x, latents = x.float(), latents.float()
        unknown = torch.full_like(latents[:, 0], torch.inf)
        start = Runs.at(latents, unknown, self._inverse_hessian(classes, latents))
        runs = self.descend(x, torch.arange(len(x), device=x.device), classes, start, evaluations, prior)
        return runs.value, runs.latent

    @torch.no_grad()
    def nearby(self, x: Tensor, latents: Tensor, gamma: Tensor | float = 1.0) -> Tensor:
        """D_c (N, C) of images x that are nearly the same, by BFGS from the latents (C, 8) found for one of them.

        Classes far behind the two least in gamma_c D_c keep the latent, which is right to first order.
        """
        check_images(x)
        x, classes = x.float(), torch.arange(self.classes, device=x.device)
        residual = (self.decode(classes, latents) - x[:, None]).flatten(2)
        value = residual.square().sum(2) + latents.square().sum(1) / 2
        contends = gamma * value <= (gamma * value).kthvalue(2, 1, keepdim=True).values + self.settings.following.margin
        start = Runs.at(latents, torch.full_like(latents[:, 0], torch.inf), self._inverse_hessian(classes, latents))
        found = self.advance(x, contends, start[classes.expand_as(contends)], self.settings.nearby)
        return torch.where(contends, found.value, value)

    @torch.no_grad()
    def starts(self, x: Tensor, number: int) -> Tensor:
        """Where the search for each class begins that has so many runs, best first: (N, C, number, 8)."""
        check_images(x)
        found = [self._starts(chunk, number).latent for chunk in self._chunks(x)]
        return torch.cat([self.candidates.new_zeros(0, self.classes, number, LATENT_DIM), *found])

    def reconstructions(self, latents: Tensor) -> Tensor:
        """G_c(z) (N, C, 1, 28, 28) for latents (N, C, 8), one for each class."""
        classes = torch.arange(self.classes, device=latents.device).repeat(len(latents))
        return self.decode(classes, latents.flatten(0, 1)).unflatten(0, latents.shape[:2])

    def pick(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """Image and class (R,) of all that is `active` (N, C, ...).

        On a GPU, where the host would have to wait for their number, of everything: what isn't active is of class C, and
        `descend` and `decode` leave it out.
        """
        image, classes, *_ = active.nonzero(as_tuple=True)
        return image, classes

    def replayed(self, function: Callable[..., Sequence[Tensor]]) -> Callable[..., Sequence[Tensor]]:
        """The function of tensors, as a CUDA graph where searches don't wait for the host; see `Replayed`."""
        return function

    def advance(self, x: Tensor, active: Tensor, runs: Runs, evaluations: int) -> Runs:
        """Take those of the runs (N, C, ...) that are `active` further by BFGS; the others stay as they are."""
        runs[active] = self.descend(x, *self.pick(active), runs[active], evaluations)
        return runs

    @abstractmethod
    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        """G_c(z) (N, 1, 28, 28) for latents (N, 8) and their classes, (N,) or one for all."""

    @abstractmethod
    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        """dG_c/dz (N, 784, 8) at latents (N, 8), classes as in `decode`."""

    @abstractmethod
    def _starts(self, x: Tensor, starts: int) -> Runs:
        """Runs (N, C, starts) that begin one quasi-Newton step from the best candidates, best first.

        Of the `finalists` candidates of each class that are least in D, the steps are foretold from the tables, and so is
        D at their ends. The best ends that lie `separation` apart come first, then the best of the others.
        """

    @abstractmethod
    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        """(2 J'J + I)^-1 (R, 8, 8), J the Jacobian of G_c at each of the latents (R, 8)."""

    @abstractmethod
    def descend(
        self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0
    ) -> Runs:
        """Take R runs, each for the image x[image] and its class, further by BFGS."""

    @abstractmethod
    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D (N, C) and latents (N, C, 8): Adam from the best candidate; of all latents visited, the best."""

    def _chunks(self, x: Tensor) -> Sequence[Tensor]:
        return x.detach().float().split(self.images_at_once) if len(x) else []

    def _solution(self, distance: Tensor, latent: Tensor) -> Solution:
        return Solution(distance, latent, self.reconstructions(latent))

    def _tournament(self, x: Tensor, rounds: Sequence[Round], gamma: Tensor | float, refine_winners: bool) -> Runs:
        runs = self._starts(x, max(round.starts for round in rounds))
        for round in rounds:
            contends = _contenders(runs, round, gamma)
            if not refine_winners and round.margin < math.inf:
                contends &= contends.sum(1, keepdim=True) > 1
            active = torch.zeros_like(runs.value, dtype=torch.bool)
            active[:, :, : round.starts] = contends[:, :, None]
            runs = self.advance(x, active, runs, round.evaluations)
            runs = runs[_best_first(runs)]
        return runs[:, :, 0]


def _contenders(runs: Runs, round: Round, gamma: Tensor | float) -> Tensor:
    best = runs[:, :, 0]
    optimistic = gamma * (best.value - round.optimism * best.predicted_decrease())
    return optimistic <= (gamma * best.value).amin(1, keepdim=True) + round.margin


def _best_first(runs: Runs) -> tuple[Tensor, ...]:
    """The index that sorts the runs of each class; those that have yet to begin come last."""
    order = torch.where(runs.step == 0, torch.inf, runs.value).argsort(dim=2, stable=True)
    n, classes, _ = (torch.arange(size, device=order.device) for size in order.shape)
    return n[:, None, None], classes[:, None], order


def check_images(x: Tensor) -> None:
    """Raise ValueError unless x is a batch of images (N, 1, 28, 28) in [0, 1] without NaN."""
    check_shape(x)
    check_box(bool(in_box(x).all()))


def check_shape(x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1:] != IMAGE_SHAPE or not x.is_floating_point():
        raise ValueError(f"Images must be float (N, 1, 28, 28), not {x.dtype} {tuple(x.shape)}.")


def in_box(x: Tensor) -> Tensor:
    """Whether images (N, ...) lie in [0, 1] without NaN (N,)."""
    return ((x >= 0) & (x <= 1)).flatten(1).all(1)


def check_box(all_in_box: bool) -> None:
    if not all_in_box:
        raise ValueError("Images must lie in [0, 1] without NaN.")
