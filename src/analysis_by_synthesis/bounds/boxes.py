"""What a decoder can do on a box of latents, and the least energy of ABS there: bounds that no search can miss.

A box holds the latents center + radius d with d in [-1, 1]^8. On it, the logits of the pixels (what the decoder's sigmoid is
applied to) are enclosed as center + linear d + error, in one of four ways:

* interval: intervals from layer to layer;
* mean_value: the Jacobian by intervals, around the logits at the center;
* affine: each ELU is replaced by the line between its chord and the parallel tangent, and half their distance is an error;
  errors pass through |weights|;
* pulled_back: the same, but the errors of a weighted sum of logits are those of the sum: its weights are pulled back
  through the decoder with their signs.

Nothing here covers rounding; take a bound for positive only if it is larger than that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, elu, one_hot

from analysis_by_synthesis.inference.folding import folded
from analysis_by_synthesis.networks.vae import VAEDecoder

STRIDES = (1, 2, 2, 1)
FLAT = 1e-4  # where an interval is shorter, the derivative stands for the slope of the chord
TANGENT_STEPS = 12  # bisections; where they end, another line is taken, not a wrong one


@dataclass(frozen=True)
class Box:
    """B boxes of latents: center (B, 8) and radius (B, 8), half the length of each side."""

    center: Tensor
    radius: Tensor


@dataclass(frozen=True)
class Enclosure:
    """Logits (B, 784) on B boxes: center + linear d + something within error, for d in [-1, 1]^8.

    Attributes:
        center: (B, 784).
        linear: (B, 784, 8).
        error: (B, 784).
        error_of: the error (B,) of a sum of the logits with weights (B, 784).
    """

    center: Tensor
    linear: Tensor
    error: Tensor
    error_of: Callable[[Tensor], Tensor]

    @classmethod
    def apart(cls, center: Tensor, linear: Tensor, error: Tensor) -> "Enclosure":
        """The error of each logit has nothing to do with those of others."""
        return cls(center, linear, error, lambda weights: (weights.abs() * error).sum(1))


class Layers:
    """A decoder as its four transposed convolutions, without batch norm.

    Args:
        decoder: in evaluation mode.
        dtype: in which all is computed.
    """

    def __init__(self, decoder: VAEDecoder, dtype: torch.dtype = torch.float32) -> None:
        place = next(decoder.parameters()).device
        self.weights, self.biases = ([t.to(place, dtype) for t in part] for part in folded(decoder))

    def __call__(self, i: int, h: Tensor) -> Tensor:
        return conv_transpose2d(h, self.weights[i], self.biases[i], stride=STRIDES[i])

    def linear(self, i: int, h: Tensor) -> Tensor:
        """Without bias; h may have dimensions in front, (..., channels, height, width)."""
        flat = conv_transpose2d(h.flatten(0, -4), self.weights[i], stride=STRIDES[i])
        return flat.view(*h.shape[:-3], *flat.shape[1:])

    def absolute(self, i: int, h: Tensor) -> Tensor:
        """By |weights|, otherwise as `linear`."""
        flat = conv_transpose2d(h.flatten(0, -4), self.weights[i].abs(), stride=STRIDES[i])
        return flat.view(*h.shape[:-3], *flat.shape[1:])

    def back(self, i: int, h: Tensor) -> Tensor:
        """The transpose of `linear`."""
        return conv2d(h, self.weights[i], stride=STRIDES[i])

    def logits(self, z: Tensor) -> Tensor:
        """(B, 784) of latents (B, 8)."""
        h = z[:, :, None, None]
        for i in range(3):
            h = elu(self(i, h))
        return self(3, h).flatten(1)


def interval(layers: Layers, box: Box) -> Enclosure:
    """Of the logits, by interval arithmetic from layer to layer."""
    middle, radius = box.center[:, :, None, None], box.radius[:, :, None, None]
    for i in range(4):
        middle, radius = layers(i, middle), layers.absolute(i, radius)
        if i < 3:
            low, high = elu(middle - radius), elu(middle + radius)
            middle, radius = (high + low) / 2, (high - low) / 2
    nothing = torch.zeros(*middle.flatten(1).shape, box.center.shape[1]).to(middle)
    return Enclosure.apart(middle.flatten(1), nothing, radius.flatten(1))


def mean_value(layers: Layers, box: Box) -> Enclosure:
    """Of the logits, around those of the center, by an enclosure of the Jacobian."""
    middle, radius = box.center[:, :, None, None], box.radius[:, :, None, None]
    jacobian = torch.diag_embed(box.radius)[..., None, None]
    spread = torch.zeros_like(jacobian)
    for i in range(4):
        middle, radius = layers(i, middle), layers.absolute(i, radius)
        jacobian, spread = layers.linear(i, jacobian), layers.absolute(i, spread)
        if i < 3:
            least, most = (middle - radius).clamp_max(0).exp()[:, None], (middle + radius).clamp_max(0).exp()[:, None]
            spread = most * spread + (most - least) / 2 * jacobian.abs()
            jacobian = (most + least) / 2 * jacobian
            low, high = elu(middle - radius), elu(middle + radius)
            middle, radius = (high + low) / 2, (high - low) / 2
    return Enclosure.apart(layers.logits(box.center), jacobian.flatten(2).mT, spread.flatten(2).sum(1))


def affine(layers: Layers, box: Box) -> Enclosure:
    """Of the logits, by affine forms: a line for each ELU; the errors of the lines are added up, whatever their signs."""
    found = pulled_back(layers, box)
    return Enclosure.apart(found.center, found.linear, found.error)


def pulled_back(layers: Layers, box: Box) -> Enclosure:
    """As `affine`; the errors are pulled back through the decoder with their signs."""
    middle, error = box.center[:, :, None, None], torch.zeros_like(box.center)[:, :, None, None]
    linear = torch.diag_embed(box.radius)[..., None, None]
    lines = []
    for i in range(4):
        middle, linear, error = layers(i, middle), layers.linear(i, linear), layers.absolute(i, error)
        if i < 3:
            reach = linear.abs().sum(1) + error
            slope, offset, gap = _line_of_elu(middle - reach, middle + reach)
            lines.append((slope, gap))
            middle, linear, error = slope * middle + offset, slope[:, None] * linear, slope * error + gap

    def error_of(weights: Tensor) -> Tensor:
        back, total = weights.view(-1, 1, 28, 28), torch.zeros_like(weights[:, 0])
        for i, (slope, gap) in reversed(list(enumerate(lines))):
            back = layers.back(i + 1, back)
            total = total + (back.abs() * gap).flatten(1).sum(1)
            back = back * slope
        return total

    return Enclosure(middle.flatten(1), linear.flatten(2).mT, error.flatten(1), error_of)


def _line_of_elu(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """slope, offset and gap: |ELU(p) - slope p - offset| <= gap for all p from low to high. ELU is convex."""
    chord = (elu(high) - elu(low)) / (high - low).clamp_min(FLAT)
    slope = torch.where(high - low < FLAT, high.clamp_max(0).exp(), chord).clamp(1e-12, 1)
    touching = slope.log().clamp(low, high)
    above = torch.maximum(elu(low) - slope * low, elu(high) - slope * high)
    below = elu(touching) - slope * touching
    return slope, (above + below) / 2, (above - below) / 2


def _line_below_sigmoid(low: Tensor, high: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """slope and value at `at` of a line below the sigmoid from low to high, as high as possible at `at`.

    The sigmoid is convex below 0: the line is a tangent there, or leads from a tangent point to the upper end.
    """
    end, left, right = high.sigmoid(), low.clamp_max(0), torch.zeros_like(low)
    for _ in range(TANGENT_STEPS):
        point = (left + right) / 2
        s = point.sigmoid()
        below_end = s + s * (1 - s) * (high - point) < end
        left, right = torch.where(below_end, point, left), torch.where(below_end, right, point)
    s = torch.minimum(at, torch.where(high <= 0, at, left)).sigmoid()
    chord = (end - low.sigmoid()) / (high - low).clamp_min(FLAT)
    slope = torch.where((low >= 0) & (high - low >= FLAT), chord, s * (1 - s)).clamp(1e-12, 0.25)
    root = (1 - 4 * slope).sqrt()
    lowest = ((1 - root).clamp_min(1e-12) / (1 + root)).log().clamp(low, high)
    offsets = [p.sigmoid() - slope * p for p in (low, lowest, high)]
    return slope, slope * at + torch.stack(offsets).amin(0)


def squares_below(found: Enclosure, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each pixel's (sigmoid(logit) - target)^2, where target is (784,) or (B, 784): two bounds from below.

    Returns:
        slope and value: the square is at least value + slope (logit - its center); constant: it is at least that (B, 784).
    """
    reach = found.linear.abs().sum(2) + found.error
    low, high = found.center - reach, found.center + reach
    rise, least = _line_below_sigmoid(low, high, found.center)
    fall, rest = _line_below_sigmoid(-high, -low, -found.center)
    above, below = (least - target).clamp_min(0), (target - 1 + rest).clamp_min(0)
    constant = (low.sigmoid() - target).clamp_min(0) ** 2 + (target - high.sigmoid()).clamp_min(0) ** 2
    return 2 * (above * rise - below * fall), above**2 + below**2, constant


@dataclass(frozen=True)
class Margin:
    """How much better the true class explains x + delta than another class does through z, for the worst delta of norm epsilon.

    f(z) = ||G(z) - x||^2 + 1/2 ||z||^2 - e_y - 2 epsilon ||G(z) - G_y||, with G_y and e_y of one latent of the true class: where
    f is positive for all z, no delta with ||delta||_2 <= epsilon leads to the class of G.

    Attributes:
        x: the image (784,).
        own: G_y (784,).
        energy: e_y.
        epsilon: L2 norm.
    """

    x: Tensor
    own: Tensor
    energy: Tensor
    epsilon: float

    @property
    def ball(self) -> Tensor:
        """Radius beyond which f is positive, whatever the decoder: 1/2 ||z||^2 outweighs E_y at x + delta."""
        residual = (self.x - self.own).norm()
        squared: Tensor = 2 * (self.energy + 2 * self.epsilon * residual + self.epsilon**2)
        return squared.sqrt()

    def at(self, layers: Layers, z: Tensor) -> Tensor:
        """f (B,) at latents (B, 8)."""
        image = layers.logits(z).sigmoid()
        energy = (image - self.x).square().sum(1) + z.square().sum(1) / 2
        gain: Tensor = 2 * self.epsilon * (image - self.own).norm(dim=1)
        return energy - self.energy - gain

    def below(self, found: Enclosure, box: Box) -> Tensor:
        """A lower bound (B,) of f on the boxes.

        2 ||u|| <= ||u||^2 / length + length for every length > 0, so f is at least a sum over pixels of (1 - share)
        (G - target)^2, with share = epsilon / length. Each pixel has a line and a constant below it, and so has any mixture.
        """
        length = (found.center.sigmoid() - self.own).norm(dim=1).clamp_min(1.05 * self.epsilon + 1e-6)
        share = (self.epsilon / length)[:, None]
        target = (self.x - share * self.own) / (1 - share)
        rest = (self.x**2 - share * self.own**2 - (1 - share) * target**2).sum(1) - self.epsilon * length - self.energy
        slope, value, constant = squares_below(found, target)
        tilt, lines, constants = (
            (slope[:, None] @ found.linear)[:, 0], value.sum(1) - found.error_of(slope), constant.sum(1)
        )  # fmt: skip
        bounds = []
        for weight in (0, 0.25, 0.5, 0.75, 1):
            weighted = weight * (1 - share) * tilt
            d = (-(weighted / box.radius + box.center) / box.radius).clamp(-1, 1)
            quadratic = (weighted * d + (box.center + box.radius * d) ** 2 / 2).sum(1)
            bounds.append(rest + (1 - share[:, 0]) * (weight * lines + (1 - weight) * constants) + quadratic)
        return torch.stack(bounds).amax(0)


def halved(found: Enclosure, box: Box, towards: Tensor) -> Box:
    """The half that holds the latents `towards` (B, 8), of each box cut where its logits move most."""
    axis = one_hot(found.linear.norm(dim=1).argmax(1), box.center.shape[1])
    radius = torch.where(axis.bool(), box.radius / 2, box.radius)
    return Box(box.center + axis * torch.where(towards > box.center, radius, -radius), radius)


def descend(layers: Layers, margin: Margin, z: Tensor, start: float, positive: float) -> tuple[Box, int]:
    """The boxes at which branch and bound ends that hold the latents z (B, 8), and how many boxes were bounded for that.

    Space is cut into cubes of half-width `start`, and a box is halved until the margin is known to be more than `positive` in it.
    For z uniform in a ball, the mean of (ball's volume / box's volume) is the number of boxes that a complete branch and bound
    would end with (Knuth 1975, Estimating the efficiency of backtrack programs); one that reaches beyond counts by its share.
    It never ends at a latent whose margin is not more than `positive`.
    """
    center, radius = ((z / (2 * start)).floor() + 0.5) * 2 * start, torch.full_like(z, start)
    open_, bounded = torch.arange(len(z), device=z.device), 0
    while len(open_):
        box = Box(center[open_], radius[open_])
        found = pulled_back(layers, box)
        left = margin.below(found, box) <= positive
        halves = halved(found, box, z[open_])
        bounded += len(open_)
        open_ = open_[left]
        center[open_], radius[open_] = halves.center[left], halves.radius[left]
    return Box(center, radius), bounded
