"""Input binarisation with a straight-through gradient (section 6; Bengio et al., 2013)."""

import torch
from torch import Tensor

THRESHOLD = 0.5


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return (x >= THRESHOLD).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


def binarize(x: Tensor) -> Tensor:
    """1 where a pixel is at least 0.5, else 0; the gradient passes as if this were the identity."""
    return _StraightThrough.apply(x)
