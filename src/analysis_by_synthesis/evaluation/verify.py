"""The one place where it is decided what counts as an adversarial."""

import torch
from torch import Tensor, nn

from analysis_by_synthesis.models import predict


def is_adversarial(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """Whether images x (N, 1, 28, 28) are finite, inside [0, 1], and taken for another class than their label (N,)."""
    valid = (x.isfinite() & (x >= 0) & (x <= 1)).flatten(1).all(1)
    verdict = torch.zeros_like(valid)
    verdict[valid] = predict(model, x[valid]) != labels[valid]
    return verdict
