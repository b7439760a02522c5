"""The one place where it is decided what counts as an adversarial."""

import torch
from torch import Tensor

from analysis_by_synthesis.distances import METRICS, distance
from analysis_by_synthesis.models import logits
from analysis_by_synthesis.models.base import Classifier


def verify(model: Classifier, images: Tensor, adversarials: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """What adversarials (N, 1, 28, 28) of images with labels (N,) are worth.

    Returns:
        success: whether each is an adversarial; predicted: its class by the arbiter; l0, l1, l2, linf: its distances, inf
        where it is none.
    """
    valid = _valid(adversarials)
    shown = torch.where(valid[:, None, None, None], adversarials, images)
    predicted = logits(model, shown, "arbitrate").argmax(1)
    success = valid & (predicted != labels)
    distances: dict[str, Tensor] = {
        norm: distance(images, adversarials, norm).masked_fill(~success, torch.inf) for norm in METRICS
    }
    return {"success": success, "predicted": predicted, **distances}


def is_adversarial(model: Classifier, x: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Whether images x (N, 1, 28, 28) are finite, inside [0, 1], and taken for another class than their label (N,).

    Args:
        margin: by which the arbiter's logit of another class has to exceed that of the label.
    """
    verdict = _valid(x)
    scores = logits(model, x[verdict], "arbitrate") if verdict.any() else x.new_zeros(0, 10)
    true = labels[verdict, None]
    verdict[verdict.clone()] = scores.scatter(1, true, -torch.inf).amax(1) >= scores.gather(1, true)[:, 0] + margin
    return verdict


def _valid(x: Tensor) -> Tensor:
    return (x.isfinite() & (x >= 0) & (x <= 1)).flatten(1).all(1)
