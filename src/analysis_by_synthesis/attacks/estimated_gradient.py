"""Gradients by central differences, pixel by pixel: the rows "w/ GE" (gradient estimation, section 5)."""

from typing import Any

import torch
from torch import Tensor

from analysis_by_synthesis.models.base import Classifier


class EstimatedGradient:
    """A model whose input gradient is estimated.

    Args:
        model: images (N, 1, 28, 28) to logits (N, 10).
        step: of the differences.
    """

    def __init__(self, model: Classifier, step: float) -> None:
        self.model, self.step = model, step
        self._last: tuple[Tensor, Tensor] | None = None

    def __call__(self, x: Tensor) -> tuple[Tensor, int]:
        """Logits of x, and how many further images were looked at for each one; none where x is that of the last call."""
        probes = 0
        if self._last is None or not torch.equal(x, self._last[0]):
            self._last = x.detach().clone(), torch.stack([jacobian(self.model, image[None], self.step) for image in x])
            probes = 2 * x[0].numel()
        logits: Tensor = _WithJacobian.apply(x, self.model(x.detach()), self._last[1])  # type: ignore[no-untyped-call]
        return logits, probes


class _WithJacobian(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, logits: Tensor, jacobians: Tensor) -> Tensor:
        ctx.save_for_backward(jacobians)
        return logits.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (jacobians,) = ctx.saved_tensors
        return torch.einsum("nc,nc...->n...", gradient, jacobians), None, None


@torch.no_grad()
def jacobian(model: Classifier, x: Tensor, step: float) -> Tensor:
    """Of the logits of one image x (1, 1, 28, 28): (10, 1, 28, 28), from images `step` to either side of each pixel.

    The steps end at the edges of [0, 1].
    """
    look = model.nearby(x)
    shifts = step * torch.eye(x.numel(), device=x.device)
    above, below = ((x.flatten(1) + sign * shifts).clamp(0, 1) for sign in (1, -1))
    difference = look(above.view(-1, *x.shape[1:])) - look(below.view(-1, *x.shape[1:]))
    return (difference / (above - below).sum(1, keepdim=True)).T.reshape(-1, *x.shape[1:])
