"""AutoAttack (Croce & Hein, 2020) by its authors' own package: APGD-CE, targeted APGD, FAB and Square at one budget.

Images are attacked one after the other, so that the recorder knows whose each query is and no image depends on the others.
"""

import logging

import pyautoattack
import torch
from torch import Tensor, nn

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.auto_attack import Settings

logging.getLogger("auto-attack").setLevel(logging.ERROR)  # its warnings of zero gradients are a column of the records


class Attack(base.Attack[Settings]):
    """The standard version; every query counts, whatever its distance."""

    def run(self, recorder: Recorder) -> None:
        norm, seeds = {"l2": "L2", "linf": "Linf"}[self.settings.norm], torch.randint(2**31, recorder.labels.shape)
        for row, seed in enumerate(seeds.tolist()):
            model = _Sample(recorder, row)
            attack = pyautoattack.AutoAttack(
                model, norm=norm, eps=self.settings.epsilon, seed=seed, device=recorder.images.device
            )
            attack.run_standard_evaluation(recorder.images[row : row + 1], recorder.labels[row : row + 1])


class _Sample(nn.Module):
    """The recorded model, asked about one sample."""

    def __init__(self, recorder: Recorder, row: int) -> None:
        super().__init__()
        self.recorder, self.row = recorder, row
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.full((len(x),), self.row, device=x.device)
        if x.requires_grad:
            logits: Tensor = self.recorder(x, rows)
            return logits
        with (
            torch.enable_grad()
        ):  # a search that isn't asked for gradients looks for the class alone, Square for the margin too
            scored: Tensor = self.recorder(x.detach().requires_grad_(), rows)
        return scored.detach()
