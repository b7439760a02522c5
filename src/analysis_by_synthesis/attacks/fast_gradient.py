"""FGSM (Goodfellow et al., 2015) and its L2 variant, FGM: one gradient, then the shortest step that succeeds.

Foolbox's version takes one step size for the whole batch and doesn't search for it.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.gradient import ascent, direction
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.fast_gradient import Settings


class Attack(base.Attack[Settings]):
    """Even step sizes, then finer ones where an early one has succeeded."""

    def run(self, recorder: Recorder) -> None:
        images, epsilons, finer = recorder.images, self.settings.epsilons, self.settings.finer_epsilons
        gradient = direction(ascent(recorder, images, recorder.labels), self.settings.norm)
        first = _scan(recorder, gradient, images.new_ones(len(images)), epsilons)
        early = first <= finer / epsilons
        _scan(recorder, gradient, torch.where(early, first, 0), finer)


def _scan(recorder: Recorder, gradient: Tensor, longest: Tensor, steps: int) -> Tensor:
    """Try even step sizes up to each sample's longest (N,), until one succeeds; the size that did (N,), inf if none.

    Samples whose longest size is 0 are left alone.
    """
    images, succeeded = recorder.images, torch.full_like(longest, torch.inf)
    rows = longest.nonzero().squeeze(1)
    for step in range(1, steps + 1):
        if len(rows) == 0:
            break
        size = longest[rows] * step / steps
        x = (images[rows] + size[:, None, None, None] * gradient[rows]).clamp(0, 1)
        adversarial = recorder.is_adversarial(x, rows)
        succeeded[rows[adversarial]] = size[adversarial]
        rows = rows[~adversarial]
    return succeeded
