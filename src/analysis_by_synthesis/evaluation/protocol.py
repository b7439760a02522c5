"""Adversarials are lengthened until the paper's own search sees another class too.

The arbiter searches longer than the paper did. What it takes for an adversarial may not be one for the classifier that the
paper evaluated.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.records import PIXEL_LEVELS
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.protocol_verdict import ProtocolVerdict


def lengths(
    model: Classifier, images: Tensor, adversarials: Tensor, labels: Tensor, settings: ProtocolVerdict
) -> Tensor:
    """The factors (N,) by which perturbations have to be lengthened for the paper's search; inf where none is enough.

    A longer perturbation changes no pixel's binarisation, so that a model which binarises is asked about the adversarials alone.

    Args:
        images, adversarials: (N, 1, 28, 28); pixels have the 16 bits in which adversarials are stored.
        labels: (N,).
    """
    refused = torch.ones_like(labels, dtype=images.dtype)
    accepted = torch.full_like(refused, torch.inf)

    def fooled(rows: Tensor, factors: Tensor) -> Tensor:
        longer = lengthened(images[rows], adversarials[rows], factors)
        return predict(model, longer, "protocol") != labels[rows]

    for factor in (1.0,) if model.binary else (1.0, *settings.factors, float(PIXEL_LEVELS)):
        rows = accepted.isinf().nonzero()[:, 0]
        found = fooled(rows, torch.full_like(refused[rows], factor))
        accepted[rows[found]], refused[rows[~found]] = factor, factor
    rows = (accepted.isfinite() & (accepted > 1)).nonzero()[:, 0]
    for _ in range(settings.bisections):
        middle = (refused[rows] * accepted[rows]).sqrt()
        found = fooled(rows, middle)
        accepted[rows[found]], refused[rows[~found]] = middle[found], middle[~found]
    return accepted


def lengthened(images: Tensor, adversarials: Tensor, factors: Tensor) -> Tensor:
    """Adversarials (N, 1, 28, 28) whose perturbations are longer by factors (N,), in [0, 1]; at inf the images themselves."""
    finite = torch.where(factors.isfinite(), factors, 0)[:, None, None, None]
    return (images + finite * (adversarials - images)).clamp(0, 1)
