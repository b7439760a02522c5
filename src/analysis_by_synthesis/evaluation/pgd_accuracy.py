"""Accuracy under PGD at a fixed budget: the measure that adversarial training is judged by (Madry et al., 2018)."""

import torch
from torch import Tensor

from analysis_by_synthesis.models import BATCH, predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.pgd_accuracy import PGD
from analysis_by_synthesis.training.pgd import pgd


def pgd_accuracy(model: Classifier, images: Tensor, labels: Tensor, settings: PGD, seed: int) -> float:
    """Share of images (N, 1, 28, 28) that are classified as their label (N,) after the attack."""
    torch.manual_seed(seed)
    adversarials = [
        pgd(model, x, y, settings.epsilon, settings.step_size, settings.steps)
        for x, y in zip(images.split(BATCH), labels.split(BATCH))
    ]
    return (predict(model, torch.cat(adversarials)) == labels).float().mean().item()
