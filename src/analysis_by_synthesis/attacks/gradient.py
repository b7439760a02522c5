"""The gradient that gradient-based attacks follow."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.distances import Norm


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """log((1 - p_y) / p_y) (N,) of the softmax of logits (N, 10), for the true classes y (N,).

    Its gradient has the direction of the cross-entropy's, which is (1 - p_y) times as long and so is lost to rounding
    where the model is certain: the logits of ABS differ by 15 on a clean image.
    """
    true = labels[:, None]
    return logits.scatter(1, true, -torch.inf).logsumexp(1) - logits.gather(1, true)[:, 0]


def ascent(recorder: Recorder, x: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
    """The gradient of the log-odds at x (N, 1, 28, 28)."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(log_odds(recorder(x, rows), labels).sum(), x)[0]


def direction(gradient: Tensor, norm: Norm) -> Tensor:
    """The gradient's sign for Linf; the gradient divided by its root mean square for L2."""
    if norm == "linf":
        return gradient.sign()
    rms = gradient.flatten(1).square().mean(1).sqrt().clamp_min(torch.finfo(gradient.dtype).tiny)
    return gradient / rms[:, None, None, None]
