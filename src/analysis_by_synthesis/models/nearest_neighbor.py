"""Nearest neighbour in L2 (appendix A.7): the logit of a class is minus the distance to its nearest training image."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.stage import Problem

PARAMETERS: dict = {}
ROUNDING = 1e-2  # of torch.cdist, amply


class NearestNeighbor(nn.Module):
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
        x = x.flatten(1)
        with torch.no_grad():
            # ||x - r||^2 without ||x||^2, which is the same for all references
            scores = torch.addmm(self.squared_norms, x, self.references.T, alpha=-2)
            offset, nearest = 0, []
            for part in scores.split(self.counts, dim=1):
                nearest.append(part.argmin(1) + offset)
                offset += part.shape[1]
        return -torch.stack([(x - self.references[index]).norm(dim=1) for index in nearest], dim=1)

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
            labels = torch.arange(10, device=x.device).repeat_interleave(torch.tensor([len(r) for r in references]))
            return NearestNeighbor(torch.cat(references).view(-1, *x.shape[1:]), labels)(images)

        return logits


def fit(directory: Path) -> None:
    """Note which training images are the references: a nearest neighbour has no other weights."""
    images, labels = mnist.load("train")
    card = {"reference_images": len(images), "sha256": _digest(images, labels)}
    write_json(directory / "nearest_neighbor" / "references.json", card)


def load(name: str, directory: Path) -> nn.Module:
    images, labels = mnist.load("train")
    card = json.loads((directory / name / "references.json").read_text())
    if card["sha256"] != _digest(images, labels):
        raise Problem(f"{mnist.MNIST} does not hold the images that nearest_neighbor was fitted to; run: dvc repro")
    return NearestNeighbor(images, labels).eval()


def _digest(images: Tensor, labels: Tensor) -> str:
    return sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
