"""Nearest neighbour in L2 (appendix A.7): the logit of a class is minus the distance to its nearest training image."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis_by_synthesis.data import mnist, sources
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.models.nearest_neighbor import Config
from analysis_by_synthesis.pipeline.errors import UserError

ROUNDING = 0.05  # of squared distances, amply
SLACK = 8.0  # of squared distances; no result depends on it
NEAR, FEW = (
    0.5,
    64,
)  # steps so short in L2, or of so few pixels, are likely to be followed by others; no result depends on it
RENEWED = 100  # updates of distances after which they are computed anew, so that rounding can't add up
SAMPLED = 997  # of so many references one is looked at to tell whether they have changed


class NearestNeighbor(Classifier):
    """Images (N, *image_shape) to logits (N, C): minus the L2 distance to the nearest reference of each class.

    Distances are computed in the dtype of the references, float32 or float64. Values that are not finite give logits that
    are not finite.

    Args:
        images: the reference images (M, *image_shape).
        labels: their classes (M,), each of 0 to C - 1 at least once.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.image_shape = tuple(images.shape[1:])
        self.counts: list[int] = labels.bincount().tolist()
        self.classes = len(self.counts)
        in_order = images[labels.argsort(stable=True)].flatten(1)
        self.references = nn.Parameter(in_order, requires_grad=False)  # so that libraries find a device and a dtype
        self._facts = Facts()

    def forward(self, x: Tensor) -> Tensor:
        if self.references.dtype not in (torch.float32, torch.float64):
            raise UserError(
                f"distances in {self.references.dtype} are too coarse to tell neighbours apart; call .float()."
            )
        with torch.autocast(x.device.type, enabled=False):
            observed = x.to(self.references.dtype)
            return self.to_references(observed, self.nearest(observed)).to(x.dtype)

    @torch.no_grad()
    def nearest(self, x: Tensor) -> Tensor:
        """The nearest reference of each class (N, C)."""
        return _least(self.scores(x.flatten(1)), self.counts)

    def scores(self, x: Tensor) -> Tensor:
        """Squared distances (N, M) of images x (N, D) to the references r, without ||x||^2: ||r||^2 - 2 x.r."""
        return torch.addmm(self.facts.squared_norms, x, self.references.T, alpha=-2)

    @property
    def facts(self) -> "Fact":
        """What is known of the references."""
        return self._facts.of(self.references)

    def to_references(self, x: Tensor, nearest: Tensor) -> Tensor:
        """Minus the distances (N, C) to these references (N, C)."""
        x = x.flatten(1)
        return -torch.stack([(x - self.references[index]).norm(dim=1) for index in nearest.T], dim=1)

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, C) of images (M, *image_shape) and the samples (M,) that they belong to, for an attack on so many samples.

        Decisions are many times faster where a sample's images change little by little: where no gradient is wanted, the
        class and its logit are those of the model, and the other logits may be too low.
        """
        return FollowedNeighbors(self, samples)

    @torch.no_grad()
    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The logits, as a function, of images near one image x (1, *image_shape); the same as ever, only faster.

        Squared distances of x + d to two references r and s change by 2 d.(s - r) against one another: by no more than twice
        the sum of |d| times the range of pixels.
        """
        scores = self.scores(x.flatten(1))[0].split(self.counts)
        pixels = float(self.facts.highest - self.facts.lowest)

        @torch.no_grad()
        def near_x(images: Tensor) -> Tensor:
            slack = 2 * pixels * (images - x).flatten(1).abs().sum(1).max() + ROUNDING
            kept = [(s <= s.min() + slack).nonzero()[:, 0] for s in scores]
            references = [r[index] for r, index in zip(self.references.split(self.counts), kept)]
            counts = torch.tensor([len(r) for r in references], device=x.device)
            labels = torch.arange(self.classes, device=x.device).repeat_interleave(counts)
            return NearestNeighbor(torch.cat(references).view(-1, *x.shape[1:]), labels).forward(images)

        return near_x


class Fact(NamedTuple):
    """||r||^2 of M references (M,), and the range of their pixels."""

    squared_norms: Tensor
    lowest: Tensor
    highest: Tensor


class Facts:
    """Of references; found again where these have changed: by a new place in memory, a new version, other samples."""

    def __init__(self) -> None:
        self._of: tuple[int, int] = 0, 0
        self._samples = torch.empty(0)
        self._fact = Fact(self._samples, self._samples, self._samples)

    def of(self, references: Tensor) -> Fact:
        """Of references (M, D)."""
        version = 0 if references.is_inference() else references._version
        samples, of = references[::SAMPLED], (references.data_ptr(), version)
        if of != self._of or not torch.equal(samples, self._samples):
            with torch.inference_mode(False), torch.no_grad():
                fact = Fact(references.square().sum(1), *references.aminmax())
                self._of, self._samples, self._fact = of, samples.clone(), fact
        return self._fact


class Origin(NamedTuple):
    """An image, and what can decide about those around it.

    Attributes:
        scores: of the image, to all references (M,); updates: from how many others, one after the other, they come.
        nearest: reference of the image in each class (C,).
        candidates: indices (K,) of the references at most SLACK farther away, in squared distance, than the nearest of all.
        classes: of these (K,); references: themselves (K, D); squared_norms: theirs (K,).
    """

    scores: Tensor
    updates: int
    nearest: Tensor
    candidates: Tensor
    classes: Tensor
    references: Tensor
    squared_norms: Tensor


class FollowedNeighbors:
    """Nearest neighbours of N samples, each looked at again and again.

    Around an origin x a reference r can be nearer to x + d than the origin's nearest r0 only if, in squared distances, it was
    at most 2 d.(r - r0) farther away from x. No r has pixels outside the references' range, and none is farther from x + d
    than ||d|| allows: so, for small d and for changes of few pixels, a short list of candidates decides. The origin moves
    where an image outside of its reach differs from the last one by as little.
    """

    def __init__(self, model: NearestNeighbor, samples: int) -> None:
        self.model = model
        blank = model.references.new_full((samples, model.references.shape[1]), torch.inf)
        self._image, self._nearest, self._last = blank, blank.clone(), blank.clone()
        self._radius = torch.zeros_like(blank[:, 0])
        self._origins: dict[int, Origin] = {}

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        if x.requires_grad:
            return self.model.forward(x)
        x = x.flatten(1)
        near = self._within_reach(x, rows)
        step = x - self._last[rows]
        settles = ~near & ((step.norm(dim=1) <= NEAR) | ((step != 0).sum(1) <= FEW))
        self._last[rows] = x
        for i in settles.nonzero()[:, 0].tolist():
            self._settle(x[i], int(rows[i]))
        near |= settles
        nearest = torch.empty(len(x), len(self.model.counts), dtype=torch.long, device=x.device)
        nearest[~near] = self.model.nearest(x[~near])
        for i in near.nonzero()[:, 0].tolist():
            nearest[i] = self._decided(x[i], self._origins[int(rows[i])])
        return self.model.to_references(x, nearest)

    def _within_reach(self, x: Tensor, rows: Tensor) -> Tensor:
        """Whether the candidates decide about images x (M, D) of samples `rows` (M,)."""
        by, nearest, facts = x - self._image[rows], self._nearest[rows], self.model.facts
        gain = by.clamp_min(0) * (facts.highest - nearest) + by.clamp_max(0) * (facts.lowest - nearest)
        near: Tensor = (by.norm(dim=1) <= self._radius[rows]) | (2 * gain.sum(1) <= SLACK)
        return near

    def _settle(self, x: Tensor, row: int) -> None:
        """Make x (D,) the origin of a sample."""
        scores, updates = self._scores(x, row)
        least = scores.min()
        candidates = (scores <= least + SLACK + ROUNDING).nonzero()[:, 0]
        nearest = _least(scores[None], self.model.counts)[0]
        ends = torch.tensor(self.model.counts, device=x.device).cumsum(0)
        classes = torch.searchsorted(ends, candidates, right=True)
        references = self.model.references[candidates]
        norms = self.model.facts.squared_norms[candidates]
        self._origins[row] = Origin(scores, updates, nearest, candidates, classes, references, norms)
        self._image[row], self._nearest[row] = x, self.model.references[scores.argmin()]
        distance = (least + x.square().sum()).clamp_min(0).sqrt()
        self._radius[row] = ((distance.square() + SLACK).sqrt() - distance) / 2

    def _scores(self, x: Tensor, row: int) -> tuple[Tensor, int]:
        """Of x (D,) to all references (M,), from those of the sample's origin where few pixels differ; and the updates."""
        before, by = self._origins.get(row), x - self._image[row]
        pixels = by.nonzero()[:, 0]
        if before is None or before.updates == RENEWED or len(pixels) > FEW:
            return self.model.scores(x[None])[0], 0
        return before.scores - 2 * by[pixels] @ self._by_pixel[pixels], before.updates + 1

    @cached_property
    def _by_pixel(self) -> Tensor:
        """The references (D, M), pixel by pixel in memory."""
        return self.model.references.T.contiguous()

    def _decided(self, x: Tensor, origin: Origin) -> Tensor:
        """The nearest reference of all to x (D,), and its nearest rival, each in its class's place among those of the origin (C,)."""
        scores = origin.squared_norms - 2 * origin.references @ x
        nearest, winner = origin.nearest.clone(), scores.argmin()
        rival = scores.masked_fill(origin.classes == origin.classes[winner], torch.inf).argmin()
        for which in (rival, winner):
            nearest[origin.classes[which]] = origin.candidates[which]
        return nearest


def _least(scores: Tensor, counts: list[int]) -> Tensor:
    """Of scores (N, M), grouped into so many of each class, the index of the least of each class (N, C)."""
    offset, least = 0, []
    for part in scores.split(counts, dim=1):
        least.append(part.argmin(1) + offset)
        offset += part.shape[1]
    return torch.stack(least, dim=1)


def load(folder: Path, config: Config) -> NearestNeighbor:
    """The nearest neighbour among MNIST's training images: it has no other weights.

    The images are looked for beside the models, in ../data/mnist; then where `sources.read` looks.

    Raises:
        UserError: the images that the model names are nowhere to be had.
    """
    beside = Path(os.path.abspath(folder)).parents[1] / mnist.MNIST
    return NearestNeighbor(*mnist.decode("train", sources.read(config.references, beside), beside))
