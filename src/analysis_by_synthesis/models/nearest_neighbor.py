"""Nearest neighbour in L2 (appendix A.7): the logit of a class is minus the distance to its nearest training image."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis_by_synthesis.data import mnist, sources
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.models.nearest_neighbor import Config
from analysis_by_synthesis.pipeline.errors import UserError

ROUNDING = 1e-2  # of torch.cdist, amply
RADIUS = 0.5  # L2; no result depends on it
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
        self._norms = SquaredNorms()

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
        # ||x - r||^2 without ||x||^2, which is the same for all references
        scores = torch.addmm(self.squared_norms, x.flatten(1), self.references.T, alpha=-2)
        return _least(scores, self.counts)

    @property
    def squared_norms(self) -> Tensor:
        """||r||^2 (M,)."""
        return self._norms.of(self.references)

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

        At a distance r from x only those references can be nearest that x has at most 2r farther away than its nearest.
        """
        distances = torch.cdist(x.flatten(1), self.references)[0].split(self.counts)

        def near_x(images: Tensor) -> Tensor:
            reach = 2 * (images - x).flatten(1).norm(dim=1).max() + ROUNDING
            kept = [(d <= d.min() + reach).nonzero()[:, 0] for d in distances]
            references = [r[index] for r, index in zip(self.references.split(self.counts), kept)]
            counts = torch.tensor([len(r) for r in references], device=x.device)
            labels = torch.arange(self.classes, device=x.device).repeat_interleave(counts)
            return NearestNeighbor(torch.cat(references).view(-1, *x.shape[1:]), labels).forward(images)

        return near_x


class SquaredNorms:
    """||r||^2 of references, computed again where these have changed: by a new place in memory, a new version, other samples."""

    def __init__(self) -> None:
        self._of: tuple[int, int] = 0, 0
        self._samples = self._norms = torch.empty(0)

    def of(self, references: Tensor) -> Tensor:
        """(M,), for references (M, D)."""
        version = 0 if references.is_inference() else references._version
        samples, of = references[::SAMPLED], (references.data_ptr(), version)
        if of != self._of or not torch.equal(samples, self._samples):
            with torch.inference_mode(False), torch.no_grad():
                self._of, self._samples, self._norms = of, samples.clone(), references.square().sum(1)
        return self._norms


class Candidates(NamedTuple):
    """What can decide about images within RADIUS of an origin.

    Attributes:
        references: indices (K,) of those among which is the nearest of all; classes: of these (K,).
        nearest: of the origin, in each class (C,).
    """

    references: Tensor
    classes: Tensor
    nearest: Tensor


class FollowedNeighbors:
    """Nearest neighbours of N samples, each looked at again and again.

    Within a distance `RADIUS` from a sample's origin only those references can be nearest that the origin has at most
    2 RADIUS farther away than its nearest; the origin moves where two images in a row lie outside.
    """

    def __init__(self, model: NearestNeighbor, samples: int) -> None:
        self.model = model
        self.origin = model.references.new_full((samples, model.references.shape[1]), torch.inf)
        self.last = self.origin.clone()
        self.candidates: dict[int, Candidates] = {}

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        if x.requires_grad:
            return self.model.forward(x)
        x = x.flatten(1)
        near = (x - self.origin[rows]).norm(dim=1) <= RADIUS
        settles = ~near & ((x - self.last[rows]).norm(dim=1) <= RADIUS)
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
        index = (distances <= distances.min() + 2 * RADIUS + ROUNDING).nonzero()[:, 0]
        ends = torch.tensor(self.model.counts, device=x.device).cumsum(0)
        return Candidates(
            index, torch.searchsorted(ends, index, right=True), _least(distances[None], self.model.counts)[0]
        )

    def _decided(self, x: Tensor, candidates: Candidates) -> Tensor:
        index = candidates.references
        winner = (self.model.squared_norms[index] - 2 * self.model.references[index] @ x).argmin()
        nearest = candidates.nearest.clone()
        nearest[candidates.classes[winner]] = index[winner]
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
