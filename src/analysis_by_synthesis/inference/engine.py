"""What every inference engine offers, and the tournament of BFGS runs behind it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor

from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.params.inference import InferenceSettings, Round

Search = Literal["default", "arbiter", "protocol"]
Gamma = Tensor | float

Engine = TypeVar("Engine")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def undisturbed(
    search: Callable[Concatenate[Engine, Tensor, Parameters], Result],
) -> Callable[Concatenate[Engine, Tensor, Parameters], Result]:
    """A search, the same in whatever mode its caller is: with gradients, in inference mode, under autocast."""

    @wraps(search)
    def run(engine: Engine, x: Tensor, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return search(engine, x.clone() if x.is_inference() else x, *args, **kwargs)

    return run


class Solution(NamedTuple):
    """The minima found for N images and C classes.

    Attributes:
        distance: D_c(x) (N, C), in squared pixel units.
        latent: z*_c(x) (N, C, L).
    """

    distance: Tensor
    latent: Tensor


@dataclass
class Runs:
    """BFGS minimisations of D in progress; all fields share their leading dimensions.

    Attributes:
        latent: (..., L).
        value: (...), D at the latent; predicted where `step` is 0.
        gradient: (..., L).
        inverse_hessian: (..., L, L).
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

    def __getitem__(self, index: Any) -> "Runs":
        return Runs(*(t[index] for t in self.fields()))

    def __setitem__(self, index: Any, runs: "Runs") -> None:
        for t, new in zip(self.fields(), runs.fields()):
            t[index] = new

    def copy(self) -> "Runs":
        """The same runs in memory of their own, row by row, as compiled code has to find them."""
        return Runs(*(t.clone(memory_format=torch.contiguous_format) for t in self.fields()))

    def predicted_decrease(self) -> Tensor:
        """1/2 g' H g (...): how far D falls to the minimum of the current quadratic model."""
        return torch.einsum("...i,...ij,...j->...", self.gradient, self.inverse_hessian, self.gradient) / 2


class Inference(ABC):
    """The search for D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2 for C classes (section 3).

    Images are float (N, *image_shape), usually in [0, 1]; the objective is defined for all others too. Those of another shape
    or with values that are not finite raise ValueError. All is computed in float32. Nothing here is differentiable: by the
    envelope theorem dD_c/dx = 2 (x - G_c(z*)), which models.abs makes use of.

    Scalars gamma (C,) are those of Binary ABS: the classes that are least in gamma_c D_c are searched for longest.

    Attributes:
        classes: their number C.
        latent_dim: L, the length of a latent.
        image_shape: channels, height and width.
        candidates: the latents (K, L) among which searches start.
    """

    images_at_once: int

    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings, candidates: Tensor) -> None:
        self.classes = len(decoders)
        self.latent_dim, self.image_shape = decoders[0].latent_dim, decoders[0].image_shape
        self.settings = settings
        self.candidates = candidates

    @undisturbed
    def infer(self, x: Tensor, gamma: Gamma = 1.0, search: Search | None = None) -> Solution:
        """D_c(x) and z*_c(x) of all classes.

        Args:
            search: "default", ours; "arbiter", converged from several starts, which decides what counts as an adversarial;
                "protocol", the paper's own (section 3). None for the one that the settings name.
        """
        search = search or self.settings.search
        if search == "protocol":
            return self._infer_by_protocol(x)
        if search == "arbiter":
            runs = self.tournament(x, self.settings.arbiter, gamma, refine_winners=True)
        else:
            runs = self.tournament(x, self.settings.default, gamma)
        return Solution(runs.value, runs.latent)

    @undisturbed
    def classify(self, x: Tensor, gamma: Gamma = 1.0) -> Tensor:
        """The class (N,) of least gamma_c D_c(x) alone: classes that can't win any more drop out of the search.

        A class that leads by the margin of the first round, as predicted, wins without any evaluation of D. `infer` is the
        better judge of images that are far from all classes.
        """
        return (gamma * self.tournament(x, self.settings.decision, gamma).value).argmin(1)

    @undisturbed
    def infer_nearby(self, x: Tensor, latents: Tensor, gamma: Gamma = 1.0) -> Tensor:
        """D_c (N, C) of images x that are nearly the same, by BFGS from the latents (C, L) found for one of them.

        Classes far behind the two least in gamma_c D_c keep the latent, which is right to first order. A run ends where no
        more than rounding is to be gained. At the latents D and its gradient are known without the decoder: that is the first
        of `nearby_evaluations`.
        """
        check_images(x, self.image_shape)
        x, classes = x.float(), torch.arange(self.classes, device=x.device)
        residual = (self.decode(classes, latents) - x[:, None]).flatten(2)
        value = residual.square().sum(2) + latents.square().sum(1) / 2
        contends = gamma * value <= (gamma * value).kthvalue(2, 1, keepdim=True).values + self.settings.following.margin
        gradient = 2 * torch.einsum("ncp,cpl->ncl", residual, self.jacobian(classes, latents)) + latents
        inverse = self._inverse_hessian(classes, latents).repeat(len(x), 1, 1, 1)
        runs = Runs(latents.repeat(len(x), 1, 1), value, gradient, inverse, torch.ones_like(value))
        for _ in range(self.settings.nearby_evaluations - 1):
            gains = contends & (runs.predicted_decrease() > torch.finfo(value.dtype).eps * value)
            runs = self.bfgs_where(gains, x, runs, 1)
        return runs.value

    @undisturbed
    def refine(
        self, x: Tensor, classes: Tensor, latents: Tensor, evaluations: int, prior: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """BFGS from given latents, for instance from those of a nearby image.

        Args:
            classes: one class (N,) for each image.
            latents: starts (N, L).
            evaluations: of the objective and its gradient, for each image.
            prior: weight of 1/2 ||z||^2; the d_c^2 of the bounds is the minimum without it.

        Returns:
            the objective (N,) and the latents (N, L).
        """
        x, latents = x.float(), latents.float()
        unknown = torch.full_like(latents[:, 0], torch.inf)
        start = Runs.at(latents, unknown, self._inverse_hessian(classes, latents))
        runs = self.bfgs(x, torch.arange(len(x), device=x.device), classes, start, evaluations, prior)
        return runs.value, runs.latent

    @undisturbed
    def tournament(self, x: Tensor, rounds: Sequence[Round], gamma: Gamma = 1.0, refine_winners: bool = False) -> Runs:
        """The best run of each class (N, C), after a contest between the classes' gamma_c D_c.

        Unless winners are refined, an image drops out of the rounds that leave it a single contender.
        """
        check_images(x, self.image_shape)
        found = [self._tournament(chunk, rounds, gamma, refine_winners) for chunk in self._chunks(x)]
        latent = x.new_zeros(0, self.classes, self.latent_dim, dtype=torch.float32)
        nothing = Runs.at(latent, latent[:, :, 0], latent[:, :, :, None] @ latent[:, :, None, :])
        return Runs(*map(torch.cat, zip(*(runs.fields() for runs in [nothing, *found]))))

    @undisturbed
    def starts(self, x: Tensor, number: int) -> Tensor:
        """Where the search for each class begins that has so many runs, best first: (N, C, number, L)."""
        check_images(x, self.image_shape)
        found = [self._starts(chunk, number).latent for chunk in self._chunks(x)]
        return torch.cat([self.candidates.new_zeros(0, self.classes, number, self.latent_dim), *found])

    def reconstruct(self, latents: Tensor) -> Tensor:
        """G_c(z) (N, C, *image_shape) for latents (N, C, L), one for each class."""
        classes = torch.arange(self.classes, device=latents.device).repeat(len(latents))
        return self.decode(classes, latents.flatten(0, 1)).view(*latents.shape[:2], *self.image_shape)

    def indices(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """Image and class (R,) of all that is `active` (N, C, ...).

        On a GPU, where the host would have to wait for their number, of everything: what isn't active is of class C, and
        `bfgs` and `decode` leave it out.
        """
        image, classes, *_ = active.nonzero(as_tuple=True)
        return image, classes

    def replayed(self, function: Callable[..., Sequence[Tensor]]) -> Callable[..., Sequence[Tensor]]:
        """The function of tensors, as a CUDA graph where searches don't wait for the host; see `Replayed`."""
        return function

    def bfgs_where(self, active: Tensor, x: Tensor, runs: Runs, evaluations: int) -> Runs:
        """Take those of the runs (N, C, ...) that are `active` further; the others stay as they are."""
        runs[active] = self.bfgs(x, *self.indices(active), runs[active], evaluations)
        return runs

    @abstractmethod
    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        """G_c(z) (N, *image_shape) for latents (N, L) and their classes, (N,) or one for all."""

    @abstractmethod
    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        """dG_c/dz (N, P, L) of all P pixels at latents (N, L), classes as in `decode`."""

    @abstractmethod
    def _starts(self, x: Tensor, starts: int) -> Runs:
        """Runs (N, C, starts) that begin one quasi-Newton step from the best candidates, best first.

        For the `finalists` candidates of each class that are least in D, the tables predict the steps, and D at their
        ends. The best ends that lie `separation` apart come first, then the best of the others.
        """

    @abstractmethod
    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        """(2 J'J + I)^-1 (R, L, L), J the Jacobian of G_c at each of the latents (R, L)."""

    @abstractmethod
    def bfgs(self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0) -> Runs:
        """Take R runs, each for the image x[image] and its class, further by so many evaluations of D and its gradient."""

    @abstractmethod
    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D (N, C) and latents (N, C, L): Adam from the best candidate; of all latents visited, the best."""

    def _chunks(self, x: Tensor) -> Sequence[Tensor]:
        return x.detach().float().split(self.images_at_once) if len(x) else []

    def _infer_by_protocol(self, x: Tensor) -> Solution:
        check_images(x, self.image_shape)
        latent = x.new_zeros(0, self.classes, self.latent_dim, dtype=torch.float32)
        found = [self._protocol(chunk) for chunk in self._chunks(x)]
        values, latents = zip((latent[:, :, 0], latent), *found)
        return Solution(torch.cat(values), torch.cat(latents))

    def _tournament(self, x: Tensor, rounds: Sequence[Round], gamma: Gamma, refine_winners: bool) -> Runs:
        runs = self._starts(x, max(round.starts for round in rounds))
        for round in rounds:
            contends = _contenders(runs, round, gamma)
            if not refine_winners and round.margin < math.inf:
                contends &= contends.sum(1, keepdim=True) > 1
            active = torch.zeros_like(runs.value, dtype=torch.bool)
            active[:, :, : round.starts] = contends[:, :, None]
            runs = self.bfgs_where(active, x, runs, round.evaluations)
            runs = runs[_best_first(runs)]
        return runs[:, :, 0]


def _contenders(runs: Runs, round: Round, gamma: Gamma) -> Tensor:
    best = runs[:, :, 0]
    optimistic: Tensor = gamma * (best.value - round.decrease_weight * best.predicted_decrease())
    return optimistic <= (gamma * best.value).amin(1, keepdim=True) + round.margin


def _best_first(runs: Runs) -> tuple[Tensor, ...]:
    """The index that sorts the runs of each class; those that have yet to begin come last."""
    order = torch.where(runs.step == 0, torch.inf, runs.value).argsort(dim=2, stable=True)
    n, classes, _ = (torch.arange(size, device=order.device) for size in order.shape)
    return n[:, None, None], classes[:, None], order


def check_images(x: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless x is a float batch of images (N, *shape) without NaN or infinite values."""
    check_shape(x, shape)
    check_finite(bool(x.isfinite().all()))


def check_shape(x: Tensor, shape: tuple[int, ...]) -> None:
    if x.ndim != 1 + len(shape) or x.shape[1:] != shape or not x.is_floating_point():
        expected = ", ".join(map(str, shape))
        raise ValueError(f"Images must be float (N, {expected}), not {x.dtype} {tuple(x.shape)}.")


def check_finite(all_finite: bool) -> None:
    if not all_finite:
        raise ValueError("Images must be finite; they hold NaN or infinite values.")
