"""Gaussian noise of growing size, until the class changes (section 5, score-free attacks)."""

import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.gaussian_noise import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    rows = torch.arange(len(images), device=images.device)
    for level in range(1, settings.levels + 1):
        noise = torch.randn(images.shape).to(images.device)
        sigma = level / settings.levels / 3**0.5
        noisy = (images[rows] + sigma * noise[rows]).clamp(0, 1)
        rows = rows[~recorder.is_adversarial(noisy, rows)]
        if len(rows) == 0:
            return
