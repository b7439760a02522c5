"""The gradient that gradient-based attacks follow."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.distances import Norm


def direction(recorder: Recorder, x: Tensor, labels: Tensor, norm: Norm, rows: Tensor | None = None) -> Tensor:
    """Gradient of the cross-entropy at x (N, 1, 28, 28): its sign for Linf, divided by its root mean square for L2."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(recorder(x, rows), labels, reduction="sum"), x)
    if norm == "linf":
        return gradient.sign()
    rms = gradient.flatten(1).square().mean(1).sqrt().clamp_min(torch.finfo(x.dtype).tiny)
    return gradient / rms[:, None, None, None]
