"""Attacks that follow the decision boundary, and where they start."""

from collections.abc import Callable

import foolbox
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder


def adversarial_starts(
    recorder: Recorder, images: Tensor, labels: Tensor, bisections: int, rank: int = 0
) -> tuple[Tensor, Tensor]:
    """Adversarial images near the boundary, towards the nearest images of other classes in the batch.

    Foolbox starts from uniform noise, fails where noise isn't misclassified, and then gives up on the whole batch. It gives
    up too where a start is refused when asked about again, as it may be by ABS, whose search goes on from what was found
    before: there the start is the image of the other class.

    Args:
        images: correctly classified (N, 1, 28, 28), labels: (N,).
        rank: 0 for the nearest image of another class, 1 for the second nearest ...

    Returns:
        rows: the samples (M,) for which there is such an image.
        starts: (M, 1, 28, 28), for these samples.
    """
    distances = torch.cdist(images.flatten(1), images.flatten(1))
    distances[labels[:, None] == labels[None, :]] = torch.inf
    nearest = distances.argsort(dim=1, stable=True)[:, min(rank, len(images) - 1)]
    samples = torch.arange(len(images), device=images.device)
    rows = samples[distances[samples, nearest].isfinite()]
    outer = images[nearest[rows]]
    starts = bisect(recorder, images[rows], outer, rows, bisections)
    adversarial = recorder.is_adversarial(starts, rows)[:, None, None, None]
    return rows, torch.where(adversarial, starts, outer)


def follow_boundary(
    build: Callable[[int], foolbox.attacks.base.MinimizationAttack],
    recorder: Recorder,
    images: Tensor,
    labels: Tensor,
    bisections: int,
    rank: int = 0,
) -> None:
    """Run one of Foolbox's attacks from the adversarial starts, if there are any.

    Args:
        build: the attack for so many samples at once.
        images, labels, bisections, rank: as of `adversarial_starts`.
    """
    rows, starts = adversarial_starts(recorder, images, labels, bisections, rank)
    if len(rows):
        criterion = foolbox.Misclassification(labels[rows])
        build(len(rows))(foolbox_model(recorder, rows), images[rows], criterion, epsilons=None, starting_points=starts)
