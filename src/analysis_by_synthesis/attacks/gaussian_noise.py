"""Gaussian noise of growing size, until the class changes (section 5, score-free attacks)."""

import torch

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.gaussian_noise import Settings


class Attack(base.Attack[Settings]):
    """New noise at each size.

    Foolbox 1.3 multiplies by the size twice, so that small sizes are tried more often.
    """

    def run(self, recorder: Recorder) -> None:
        images, levels = recorder.images, self.settings.levels
        rows = torch.arange(len(images), device=images.device)
        for level in range(1, levels + 1):
            noise = torch.randn(images.shape).to(images.device)
            sigma = (level / levels) ** 2 / 3**0.5
            noisy = (images[rows] + sigma * noise[rows]).clamp(0, 1)
            rows = rows[~recorder.is_adversarial(noisy, rows)]
            if len(rows) == 0:
                return
