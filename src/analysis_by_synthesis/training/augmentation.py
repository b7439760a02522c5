"""Training images as they might as well have been taken."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis_by_synthesis.params.augmentation import Augmentation


def augment(x: Tensor, settings: Augmentation) -> Tensor:
    """Images (N, C, H, W), each flipped from left to right or not, and moved; what comes in from beyond the border is black."""
    n, _, height, width = x.shape
    image = torch.arange(n, device=x.device)[:, None, None]
    top, left = (torch.randint(2 * settings.shift + 1, (n, 1), device=x.device) for _ in range(2))
    rows = top + torch.arange(height, device=x.device)
    columns = left + torch.arange(width, device=x.device)
    flipped = torch.rand(n, 1, device=x.device) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)
    padded = pad(x, (settings.shift,) * 4)
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
