"""The Pointwise attack (section 5; introduced with the paper): undo the change of one pixel after the other.

Foolbox's version raises for the whole batch when one sample has no start, and draws from numpy's global generator.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.noise import salt_and_pepper
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.pointwise import Settings


class Attack(base.Attack[Settings]):
    """From noise, pixel by pixel back to the clean image."""

    def run(self, recorder: Recorder) -> None:
        settings = self.settings
        for _ in range(settings.restarts):
            start = salt_and_pepper(recorder, settings.levels, settings.repetitions, settings.density_factor)
            adversarials = reset_pixels(recorder, start)
            if settings.norm == "l2":
                approach_pixels(recorder, adversarials, settings.bisections, settings.min_improvement)


def reset_pixels(recorder: Recorder, adversarials: Tensor) -> Tensor:
    """Set pixels to their clean value, one at a time in random order, while the image stays adversarial.

    Passes over all changed pixels are repeated until no pixel can be reset any more.
    """
    images = recorder.images
    clean, x = images.flatten(1), adversarials.flatten(1).clone()
    progressing = (x != clean).any(1)
    while progressing.any():
        before = x.clone()
        for rows, pixels in _changed_pixels(x, clean, progressing):
            trial = x[rows].scatter(1, pixels[:, None], clean[rows, pixels][:, None])
            keep = recorder.is_adversarial(trial.view(-1, *images.shape[1:]), rows)
            x[rows] = torch.where(keep[:, None], trial, x[rows])
        progressing = (x != before).any(1)
    return x.view_as(images)


def approach_pixels(recorder: Recorder, adversarials: Tensor, bisections: int, min_improvement: float) -> None:
    """Bisect the changed pixels towards their clean values, one after the other in random order.

    Passes over all changed pixels are repeated until one shortens the perturbation too little.
    """
    images = recorder.images
    clean, x = images.flatten(1), adversarials.flatten(1).clone()
    progressing = (x != clean).any(1)
    while progressing.any():
        before = (x - clean).norm(dim=1)
        for rows, pixels in _changed_pixels(x, clean, progressing):
            low, high = clean[rows, pixels], x[rows, pixels]
            for _ in range(bisections):
                middle = (low + high) / 2
                trial = x[rows].scatter(1, pixels[:, None], middle[:, None])
                adversarial = recorder.is_adversarial(trial.view(-1, *images.shape[1:]), rows)
                low, high = torch.where(adversarial, low, middle), torch.where(adversarial, middle, high)
            x[rows, pixels] = high
        progressing &= (x - clean).norm(dim=1) < (1 - min_improvement) * before


def _changed_pixels(x: Tensor, clean: Tensor, chosen: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each step, the samples that have a changed pixel left, and which pixel it is: each sample in its own order."""
    changed = (x != clean) & chosen[:, None]
    order = torch.rand(x.shape).to(x.device).masked_fill(~changed, torch.inf).argsort(1)
    counts = changed.sum(1).cpu()  # so that the host waits once a pass, not once a step
    rows = [(counts > step).nonzero().squeeze(1).to(x.device) for step in range(int(counts.max()))]
    return [(chosen_rows, order[chosen_rows, step]) for step, chosen_rows in enumerate(rows)]
