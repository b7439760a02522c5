"""Lower bounds from a single perturbation, in every norm, for ABS and Binary ABS.

The paper bounds D_y(x + delta) from above (eq. 6, 13) and D_c(x + delta) from below (eq. 7, 14), each for the worst delta of
its own, and remarks that a single delta for both would be tighter (appendix A.5). This is that bound.

With E_c(z; x) = ||G_c(z) - x||^2 + 1/2 ||z||^2, so that D_c(x) = min_z E_c(z; x) (eq. 5, sigma^2 = 1/2), x + delta is
taken for c only if there is a latent z with

    gamma_c E_c(z; x + delta) <= gamma_y D_y(x + delta) <= gamma_y E_y(z_y; x + delta)    for all z_y (as in eq. 10).

In delta, both sides are affine up to one term s(delta) that they share:

    gamma E(z; x + delta) = e - A . delta + s(delta),    e = gamma E(z; x),    A = gamma (2 G(z) - 1).

* ABS: gamma = 1 and ||G - x - delta||^2 = ||G - x||^2 - 2 (G - x) . delta + ||delta||^2, so s = ||delta||^2 - (1 - 2x) . delta.
* Binary ABS: x is binarised and delta flips pixels, delta_i is 0 or 1 - 2 x_i, so delta_i^2 = (1 - 2 x_i) delta_i, and
  s = 0 whatever gamma is.

What is left is a half-space: delta can only lead to c, through z, if (A_c - A_y) . delta >= e_c - e_y. The least size of such
a delta, minimised over z and c, bounds the robustness from below; without the pixel box that is
max(0, e_c - e_y) / ||A_c - A_y||_q with 1/p + 1/q = 1. Several z_y give several half-spaces, and any mixture of them with
weights >= 0 is again one of this form (bounds.cuts).

Like the paper's, these bounds assume that the search over z finds the global minimum.
"""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis_by_synthesis.distances import Metric
from analysis_by_synthesis.evaluation.postprocess import shrink_binary
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.binarize import THRESHOLD

NEWTON_STEPS = 12  # at most; each ends below the solution and nearer to it
CLOSE = 1e-6  # share of the half-space's distance that may be left
EPSILON = 1e-7  # instead of 0 in denominators; it only makes bounds smaller
ROUNDING = 1e-3  # pixels


@dataclass(frozen=True)
class Energies:
    """gamma E(z; x + delta) = constant - slope . delta + s(delta) for fixed latents; or a difference of two of these.

    Attributes:
        constant: (...), in squared pixel units.
        slope: (..., 784).
    """

    constant: Tensor
    slope: Tensor

    @classmethod
    def of(cls, images: Tensor, latents: Tensor, gamma: Tensor, x: Tensor) -> "Energies":
        """Of the decoded images G(z) (..., 784) of latents (..., 8), gamma (...), for observed images x (..., 784)."""
        energy = (images - x).square().sum(-1) + latents.square().sum(-1) / 2
        return cls(gamma * energy, gamma[..., None] * (2 * images - 1))

    def __sub__(self, other: "Energies") -> "Energies":
        return Energies(self.constant - other.constant, self.slope - other.slope)


class Perturbations(ABC):
    """The perturbations of N images that count, and their size in one norm.

    Args:
        images: (N, 1, 28, 28) in [0, 1].
        observed: the same as the model observes them.
        norm: in which the size is measured, in the space of `images`.
    """

    def __init__(self, images: Tensor, observed: Tensor, norm: Metric) -> None:
        self.images, self.observed, self.norm = images, observed, norm
        self.x = observed.flatten(1)

    def of(self, rows: Tensor) -> "Perturbations":
        """Those of the images rows (R,), in this order, as often as they are named."""
        chosen = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(chosen, name, value[rows])
        return chosen

    def attainable(self, size: Tensor) -> Tensor:
        """The least true size (N,) that isn't below `size` (N,): L0 counts whole pixels."""
        return (size - ROUNDING).ceil() if self.norm == "l0" else size

    def room(self, slope: Tensor) -> Tensor:
        """How far each pixel can go uphill before it leaves [0, 1]; (N, ..., 784) for slopes (N, ..., 784)."""
        x = _like(self.x, slope)
        return torch.where(slope > 0, 1 - x, x)

    @abstractmethod
    def least(self, half_space: Energies) -> tuple[Tensor, Tensor]:
        """The smallest perturbation with slope . delta >= constant.

        Returns:
            its size (N, ...), inf where there is none, 0 where none is needed; and delta (N, ..., 784).
        """

    @abstractmethod
    def perturbed(self, delta: Tensor) -> Tensor:
        """Images (N, 1, 28, 28) perturbed by delta (N, 784), closest to the clean ones."""


class Stretched(Perturbations):
    """L2 and Linf of ABS: |delta_i| = min(t |slope_i|, room_i), or min(t, room_i).

    Args:
        box: whether images have to stay in [0, 1].
    """

    def __init__(self, images: Tensor, observed: Tensor, norm: Metric, box: bool = True) -> None:
        super().__init__(images, observed, norm)
        self.box = box

    def least(self, half_space: Energies) -> tuple[Tensor, Tensor]:
        rise, needed = half_space.slope.abs(), half_space.constant.clamp_min(0)
        room = self.room(half_space.slope) if self.box else torch.full_like(rise, torch.inf)
        shape = rise if self.norm == "l2" else torch.ones_like(rise)
        t = torch.zeros_like(needed)
        for _ in range(NEWTON_STEPS if self.box else 1):  # the gain is concave in t
            stretched = t[..., None] * shape
            missing = needed - (rise * stretched.minimum(room)).sum(-1)
            missing = torch.where(missing > CLOSE * needed, missing, 0)
            if not missing.any():
                break
            t = t + missing / (rise * shape * (stretched < room)).sum(-1).clamp_min(EPSILON)
        distance = (t[..., None] * shape).minimum(room)
        size = distance.norm(dim=-1) if self.norm == "l2" else distance.amax(-1)
        return size.masked_fill((rise * room).sum(-1) < needed, torch.inf), distance * half_space.slope.sign()

    def perturbed(self, delta: Tensor) -> Tensor:
        return (self.x + delta).clamp(0, 1).view_as(self.images)


class Chosen(Perturbations):
    """L0 and L1 of ABS, L0, L1 and L2 of Binary ABS: pixels go all the way, those that gain most for their cost first.

    Sizes are those of the linear relaxation, where the last pixel may go part of the way: below the true ones, and
    smooth enough to descend on. In L1 of ABS, where it may, they are exact.

    Args:
        binary: whether the model binarises images, so that a pixel only has to cross the threshold.
    """

    def __init__(self, images: Tensor, observed: Tensor, norm: Metric, binary: bool) -> None:
        super().__init__(images, observed, norm)
        self.binary = binary
        self.crossing = _cost(images)

    def cost(self, room: Tensor) -> Tensor:
        """Of going all the way, (N, ..., 784) like `room`; in L2 the square, which adds up."""
        if self.norm == "l0":
            return torch.ones_like(room)
        return _like(self.crossing.square() if self.norm == "l2" else self.crossing, room) if self.binary else room

    def least(self, half_space: Energies) -> tuple[Tensor, Tensor]:
        room, needed = self.room(half_space.slope), half_space.constant.clamp_min(0)
        gain = half_space.slope.abs() * room
        cost = self.cost(room)
        order = (-gain / cost.clamp_min(EPSILON)).argsort(dim=-1, stable=True)
        gains = gain.gather(-1, order)
        missing = needed[..., None] - gains.cumsum(-1) + gains  # before each pixel has gone
        share = torch.zeros_like(gain).scatter(-1, order, (missing / gains.clamp_min(EPSILON)).clamp(0, 1))
        size = (share * cost).sum(-1)
        size = size.sqrt() if self.norm == "l2" else size
        return size.masked_fill(gain.sum(-1) < needed, torch.inf), share * room * half_space.slope.sign()

    def perturbed(self, delta: Tensor) -> Tensor:
        if self.norm == "l1" and not self.binary:
            return (self.x + delta).clamp(0, 1).view_as(self.images)
        whole = torch.where(delta == 0, self.x, (delta > 0).to(delta.dtype)).view_as(self.images)
        return shrink_binary(self.images, whole) if self.binary else whole


class Flipped(Perturbations):
    """Linf of Binary ABS: all pixels flip that cost less than the size, and a share of each pixel of the next cost.

    The share, the same for all of these, rises from 0 to 1 as the size goes from one cost to the next. So sizes are smooth
    enough to descend on, and round up to the true ones.

    Attributes:
        levels: the different costs of the pixels (N, 785), rising from 0, then inf.
        level: of each pixel (N, 784), from 1.
    """

    def __init__(self, images: Tensor, observed: Tensor, norm: Metric) -> None:
        super().__init__(images, observed, norm)
        ordered, order = _cost(images).sort(1)
        level = 1 + (ordered.diff(dim=1) > 0).cumsum(1)
        level = pad(level, (1, 0), value=1)
        self.level = torch.zeros_like(order).scatter(1, order, level)
        self.levels = ordered.new_full((len(images), 1 + ordered.shape[1]), torch.inf).scatter(1, level, ordered)
        self.levels[:, 0] = 0

    def attainable(self, size: Tensor) -> Tensor:
        return torch.where(self.levels < size[:, None] - EPSILON, torch.inf, self.levels).amin(1)

    def least(self, half_space: Energies) -> tuple[Tensor, Tensor]:
        room, needed = self.room(half_space.slope), half_space.constant.clamp_min(0)
        gain = half_space.slope.abs() * room
        level, levels = (_like(per_image, gain) for per_image in (self.level, self.levels))
        gains = torch.zeros_like(levels).scatter_add(-1, level, gain)
        reached = gains.cumsum(-1)
        last = (reached < needed[..., None]).sum(-1, keepdim=True).clamp_max(gains.shape[-1] - 1)
        before = (last - 1).clamp_min(0)
        missing = needed[..., None] - reached.gather(-1, before)
        share = (missing / gains.gather(-1, last).clamp_min(EPSILON)).clamp(0, 1) * (last > 0)
        low, high = levels.gather(-1, before), levels.gather(-1, last)
        size = torch.lerp(low, high, share)[..., 0]
        share = torch.where(level == last, share, (level < last).to(gain.dtype))
        return size.masked_fill(reached[..., -1] < needed, torch.inf), share * room * half_space.slope.sign()

    def perturbed(self, delta: Tensor) -> Tensor:
        flipped = torch.where(delta == 0, self.x, (delta > 0).to(delta.dtype)).view_as(self.images)
        return shrink_binary(self.images, flipped)


def _cost(images: Tensor) -> Tensor:
    """How far each pixel is from the threshold (N, 784)."""
    return (images.flatten(1) - THRESHOLD).abs()


def _like(per_image: Tensor, t: Tensor) -> Tensor:
    """(N, K) expanded to (N, ..., K) for `t` (N, ..., 784)."""
    return per_image.view(len(t), *[1] * (t.ndim - 2), per_image.shape[-1]).expand(*t.shape[:-1], -1)


def perturbations(model: ABS, images: Tensor, norm: Metric) -> Perturbations:
    """What an attacker of this model may do to images (N, 1, 28, 28), measured in the norm."""
    observed, binary = model.observe(images), model.binary
    if binary and norm == "linf":
        return Flipped(images, observed, norm)
    if binary or norm in ("l0", "l1"):
        return Chosen(images, observed, norm, binary)
    return Stretched(images, observed, norm)
