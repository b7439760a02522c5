"""Input binarisation with a straight-through gradient (section 6; Bengio et al., 2013)."""

from typing import Any

import torch
from torch import Tensor, nn

THRESHOLD = 0.5


class _StraightThrough(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.where(x.isnan(), x, (x >= THRESHOLD).to(x.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def binarize(x: Tensor) -> Tensor:
    """1 where a pixel is at least 0.5, else 0, and NaN where it is NaN; the gradient passes as if this were the identity."""
    binarized: Tensor = _StraightThrough.apply(x)  # type: ignore[no-untyped-call]
    return binarized


class Binarize(nn.Module):
    """The first layer of a network that sees binarised images."""

    def forward(self, x: Tensor) -> Tensor:
        return binarize(x)
