"""The boundary between two images, by bisection."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder


def bisect(recorder: Recorder, inner: Tensor, outer: Tensor, rows: Tensor, steps: int) -> Tensor:
    """Images just beyond the decision boundary on the segments from `inner` to `outer`.

    Args:
        inner: images (M, 1, 28, 28) that are classified as they should be.
        outer: adversarial images (M, 1, 28, 28).
        rows: which samples (M,) they belong to.
        steps: each halves the segment.

    Returns:
        the adversarial ends (M, 1, 28, 28) of what is left of the segments.
    """
    for _ in range(steps):
        middle = (inner + outer) / 2
        adversarial = recorder.is_adversarial(middle, rows)[:, None, None, None]
        inner, outer = torch.where(adversarial, inner, middle), torch.where(adversarial, middle, outer)
    return outer
