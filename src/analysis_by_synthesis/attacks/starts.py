"""Attacks that follow the decision boundary, and where they start."""

from collections.abc import Callable

import foolbox
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.attacks.recorder import Recorder


def adversarial_starts(recorder: Recorder, rank: int, bisections: int) -> tuple[Tensor, Tensor]:
    """Adversarial images near the boundary, towards the nearest images of other classes among the recorder's resources.

    Foolbox starts from uniform noise, fails where noise isn't misclassified, and then gives up on the whole batch. It gives
    up too where a start is refused when asked about again, as it may be by ABS, whose search goes on from what was found
    before: there the start is the image of the other class, if that isn't refused as well.

    Args:
        rank: 0 for the nearest image that the model takes for another class, 1 for the second nearest ...
        bisections: of the segment to that image.

    Returns:
        rows: the samples (M,) for which there is such an image.
        starts: (M, 1, 28, 28), for these samples.
    """
    images, labels, pool = recorder.images, recorder.labels, recorder.resources
    distances = torch.cdist(images.flatten(1), pool.images.flatten(1))
    distances[labels[:, None] == pool.labels[None, :]] = torch.inf
    nearest = distances.sort(dim=1, stable=True)
    outer, wanted = images.clone(), torch.full_like(labels, rank)
    for place in range(len(pool.labels)):
        rows = ((wanted >= 0) & nearest.values[:, place].isfinite()).nonzero()[:, 0]
        if len(rows) == 0:
            break
        outer[rows] = pool.images[nearest.indices[rows, place]]
        wanted[rows] -= recorder.is_adversarial(outer[rows], rows).long()
    rows = (wanted < 0).nonzero()[:, 0]
    starts = bisect(recorder, images[rows], outer[rows], rows, bisections)
    adversarial = recorder.is_adversarial(starts, rows)[:, None, None, None]
    starts = torch.where(adversarial, starts, outer[rows])
    adversarial = recorder.is_adversarial(starts, rows)
    return rows[adversarial], starts[adversarial]


def follow_boundary(
    build: Callable[[int], foolbox.attacks.base.MinimizationAttack], recorder: Recorder, bisections: int, rank: int = 0
) -> None:
    """Run one of Foolbox's attacks from the adversarial starts, if there are any.

    Args:
        build: the attack for so many samples at once.
        bisections, rank: as of `adversarial_starts`.
    """
    rows, starts = adversarial_starts(recorder, rank, bisections)
    if len(rows):
        criterion = foolbox.Misclassification(recorder.labels[rows])
        model, images = foolbox_model(recorder, rows), recorder.images[rows]
        build(len(rows))(model, images, criterion, epsilons=None, starting_points=starts)
