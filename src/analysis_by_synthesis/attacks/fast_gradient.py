"""FGSM (Goodfellow et al., 2015) and its L2 variant, FGM: one gradient, then the shortest step that succeeds.

Foolbox's version takes one step size for the whole batch and doesn't search for it.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.gradient import ascent, direction
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.fast_gradient import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    gradient = direction(ascent(recorder, images, labels), settings.norm)
    longest = images.new_ones(len(images))
    first = _scan(recorder, images, gradient, longest, settings.steps)
    early = first <= settings.finer_steps / settings.steps
    _scan(recorder, images, gradient, torch.where(early, first, 0), settings.finer_steps)


def _scan(recorder: Recorder, images: Tensor, gradient: Tensor, longest: Tensor, steps: int) -> Tensor:
    """Try even step sizes up to each sample's longest (N,), until one succeeds; the size that did (N,), inf if none.

    Samples whose longest size is 0 are left alone.
    """
    succeeded = torch.full_like(longest, torch.inf)
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
