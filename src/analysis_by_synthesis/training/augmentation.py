"""Training images as they might as well have been taken."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from analysis_by_synthesis.params import Block


class Augmentation(Block):
    """Each image is flipped from left to right half of the time, and moved by up to `shift` pixels in each direction.

    Args: shift: pixels; what moves in from beyond the border is black.
    """

    shift: Annotated[int, Field(ge=0)]


def augment(x: Tensor, settings: Augmentation) -> Tensor:
    """Images (N, C, H, W) flipped and moved at random, each on its own."""
    n, _, height, width = x.shape
    image = torch.arange(n, device=x.device)[:, None, None]
    top, left = (torch.randint(2 * settings.shift + 1, (n, 1), device=x.device) for _ in range(2))
    rows = top + torch.arange(height, device=x.device)
    columns = left + torch.arange(width, device=x.device)
    flipped = torch.rand(n, 1, device=x.device) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)
    padded = pad(x, (settings.shift,) * 4)
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
