"""Postprocessing of the adversarials of binary models (section 5)."""

import torch
from torch import Tensor

from analysis_by_synthesis.networks.binarize import THRESHOLD
from analysis_by_synthesis.records import PIXEL_LEVELS


def shrink_binary(images: Tensor, adversarials: Tensor) -> Tensor:
    """The image nearest to the clean one that has the adversarial's binarisation.

    Every pixel whose binarised value is that of the clean image gets its clean value, every other one the nearest
    value on the other side of the threshold.
    """
    just_below = (THRESHOLD * PIXEL_LEVELS - 1) // 1 / PIXEL_LEVELS
    flipped = torch.where(adversarials >= THRESHOLD, THRESHOLD, just_below)
    return torch.where((adversarials >= THRESHOLD) == (images >= THRESHOLD), images, flipped)
