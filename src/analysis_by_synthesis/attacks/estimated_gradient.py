"""Gradients by central differences, pixel by pixel: the rows "w/ GE" (gradient estimation, section 5)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from analysis_by_synthesis.models.base import Classifier


class Estimate(NamedTuple):
    """What is known of an image (1, 28, 28): its logits (10,), and their Jacobian (10, 1, 28, 28)."""

    image: Tensor
    logits: Tensor
    jacobian: Tensor


class EstimatedGradient:
    """A model whose input gradient is estimated.

    Args:
        model: images (N, 1, 28, 28) to logits (N, 10).
        step: of the differences.
    """

    def __init__(self, model: Classifier, step: float) -> None:
        self.model, self.step = model, step
        self._known: dict[
            int, list[Estimate]
        ] = {}  # of each sample the first image, from which searches start anew, and the last

    def __call__(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of images x (M, 1, 28, 28), differentiable in x, and how many further images were looked at for each (M,).

        Args:
            rows: the samples (M,) that the images belong to; for the first and the last image of a sample nothing is looked
                at again.
        """
        estimates, probes = zip(*map(self._estimate, x.detach(), rows.tolist()))
        logits, jacobians = (torch.stack([getattr(e, name) for e in estimates]) for name in ("logits", "jacobian"))
        return _WithJacobian.apply(x, logits, jacobians), torch.tensor(probes, device=x.device)  # type: ignore[no-untyped-call]

    def _estimate(self, image: Tensor, row: int) -> tuple[Estimate, int]:
        known = self._known.setdefault(row, [])
        for estimate in known:
            if torch.equal(image, estimate.image):
                return estimate, 0
        x = image[None].clone()
        look = self.model.nearby(x)
        with torch.no_grad():
            estimate = Estimate(x[0], look(x)[0], jacobian(look, x, self.step))
        self._known[row] = [*known[:1], estimate]
        return estimate, 2 * image.numel()


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
def jacobian(look: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """Of the logits of one image x (1, 1, 28, 28): (10, 1, 28, 28), from images `step` to either side of each pixel.

    The steps end at the edges of [0, 1].

    Args:
        look: images near x to logits.
    """
    shifts = step * torch.eye(x.numel(), device=x.device)
    above, below = ((x.flatten(1) + sign * shifts).clamp(0, 1) for sign in (1, -1))
    difference = look(above.view(-1, *x.shape[1:])) - look(below.view(-1, *x.shape[1:]))
    return (difference / (above - below).sum(1, keepdim=True)).T.reshape(-1, *x.shape[1:])
