"""Nearest neighbour in L2 (appendix A.7): the logit of a class is minus the distance to its nearest training image."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.models.nearest_neighbor import Config
from analysis_by_synthesis.pipeline.errors import UserError

ROUNDING = 1e-2  # of torch.cdist, amply
REACH = 0.5  # L2; no result depends on it


class NearestNeighbor(Classifier):
    """Images (N, 1, 28, 28) to logits (N, 10).

    Args:
        images: the reference images (M, 1, 28, 28).
        labels: their classes (M,), each of 0 to 9 at least once.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        super().__init__()
        order = labels.argsort(stable=True)
        self.register_buffer("references", images[order].flatten(1))
        self.register_buffer("squared_norms", self.references.square().sum(1))
        self.counts = labels.bincount(minlength=10).tolist()

    def forward(self, x: Tensor) -> Tensor:
        return self.to_references(x, self.nearest(x))

    @torch.no_grad()
    def nearest(self, x: Tensor) -> Tensor:
        """The nearest reference of each class (N, 10)."""
        # ||x - r||^2 without ||x||^2, which is the same for all references
        scores = torch.addmm(self.squared_norms, x.flatten(1), self.references.T, alpha=-2)
        return _least(scores, self.counts)

    def to_references(self, x: Tensor, nearest: Tensor) -> Tensor:
        """Minus the distances (N, 10) to these references (N, 10)."""
        x = x.flatten(1)
        return -torch.stack([(x - self.references[index]).norm(dim=1) for index in nearest.T], dim=1)

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, 10) of images (M, 1, 28, 28) and the samples (M,) that they belong to, for an attack on so many samples.

        Decisions are many times faster where a sample's images change little by little: where no gradient is wanted, the
        class and its logit are those of the model, and the other logits may be too low.
        """
        return FollowedNeighbors(self, samples)

    @torch.no_grad()
    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The logits, as a function, of images near one image x (1, 1, 28, 28); the same as ever, only faster.

        At a distance r from x only those references can be nearest that x has at most 2r farther away than its nearest.
        """
        distances = torch.cdist(x.flatten(1), self.references)[0].split(self.counts)

        def logits(images: Tensor) -> Tensor:
            reach = 2 * (images - x).flatten(1).norm(dim=1).max() + ROUNDING
            kept = [(d <= d.min() + reach).nonzero()[:, 0] for d in distances]
            references = [r[index] for r, index in zip(self.references.split(self.counts), kept)]
            counts = torch.tensor([len(r) for r in references], device=x.device)
            labels = torch.arange(10, device=x.device).repeat_interleave(counts)
            return NearestNeighbor(torch.cat(references).view(-1, *x.shape[1:]), labels)(images)

        return logits


class Candidates(NamedTuple):
    """What can decide about images within REACH of an origin.

    Attributes:
        index: of the references (K,) among which is the nearest of all; classes: of these (K,).
        nearest: of the origin, in each class (10,).
    """

    index: Tensor
    classes: Tensor
    nearest: Tensor


class FollowedNeighbors:
    """Nearest neighbours of N samples, each looked at again and again.

    Within a distance `REACH` from a sample's origin only those references can be nearest that the origin has at most
    2 REACH farther away than its nearest; the origin moves where two images in a row lie outside.
    """

    def __init__(self, model: NearestNeighbor, samples: int) -> None:
        self.model = model
        self.origin = torch.full((samples, model.references.shape[1]), torch.inf, device=model.references.device)
        self.last = self.origin.clone()
        self.candidates: dict[int, Candidates] = {}

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        if x.requires_grad:
            return self.model(x)
        x = x.flatten(1)
        near = (x - self.origin[rows]).norm(dim=1) <= REACH
        settles = ~near & ((x - self.last[rows]).norm(dim=1) <= REACH)
        self.last[rows] = x
        for i in settles.nonzero()[:, 0].tolist():
            self.origin[rows[i]], self.candidates[int(rows[i])] = x[i], self._candidates(x[i])
        near |= settles
        nearest = torch.empty(len(x), len(self.model.counts), dtype=torch.long, device=x.device)
        nearest[~near] = self.model.nearest(x[~near])
        for i in near.nonzero()[:, 0].tolist():
            nearest[i] = self._decided(x[i], self.candidates[int(rows[i])])
        return self.model.to_references(x, nearest)

    def _candidates(self, x: Tensor) -> Candidates:
        distances = torch.cdist(x[None], self.model.references)[0]
        index = (distances <= distances.min() + 2 * REACH + ROUNDING).nonzero()[:, 0]
        ends = torch.tensor(self.model.counts, device=x.device).cumsum(0)
        return Candidates(
            index, torch.searchsorted(ends, index, right=True), _least(distances[None], self.model.counts)[0]
        )

    def _decided(self, x: Tensor, candidates: Candidates) -> Tensor:
        index = candidates.index
        winner = (self.model.squared_norms[index] - 2 * self.model.references[index] @ x).argmin()
        nearest = candidates.nearest.clone()
        nearest[candidates.classes[winner]] = index[winner]
        return nearest


def _least(scores: Tensor, counts: list[int]) -> Tensor:
    """Of scores (N, M), grouped into so many of each class, the index of the least of each class (N, 10)."""
    offset, least = 0, []
    for part in scores.split(counts, dim=1):
        least.append(part.argmin(1) + offset)
        offset += part.shape[1]
    return torch.stack(least, dim=1)


def load(folder: Path, config: Config) -> NearestNeighbor:
    """The nearest neighbour among MNIST's training images: it has no other weights.

    Raises:
        UserError: the files are missing or are others than those that the model names.
    """
    if mnist.digests(config.references) != config.references:
        raise UserError(
            f"{mnist.MNIST} does not hold the images that nearest_neighbor compares with; run: dvc repro -f download"
        )
    return NearestNeighbor(*mnist.load("train"))
