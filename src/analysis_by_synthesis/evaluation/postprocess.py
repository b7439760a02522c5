"""Postprocessing of the adversarials of binary models (section 5)."""

import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.records import PIXEL_LEVELS
from analysis_by_synthesis.networks.binarize import THRESHOLD

BRIGHTEST_BLACK = 32767  # of the PIXEL_LEVELS: 0.499992; the next one is 0.500008


def shrink_binary(images: Tensor, adversarials: Tensor) -> Tensor:
    """The image nearest to the clean one that has the adversarial's binarisation.

    Every pixel whose binarised value is that of the clean image gets its clean value, every other one the nearest
    value on the other side of the threshold.
    """
    just_below, just_above = (level / PIXEL_LEVELS for level in (BRIGHTEST_BLACK, BRIGHTEST_BLACK + 1))
    white = adversarials >= THRESHOLD
    return torch.where(white == (images >= THRESHOLD), images, torch.where(white, just_above, just_below))
