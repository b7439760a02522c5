"""BIM, also known as PGD (Kurakin et al., 2016), its L2 variant, and with momentum MIM (Dong et al., 2017).

Each sample's budget is searched for. Foolbox's version takes one for the whole batch and doesn't search for it.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.gradient import ascent, direction
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.basic_iterative import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    low = images.new_zeros(len(images))
    high = images.new_full((len(images),), torch.inf)
    budget = images.new_full((len(images),), settings.first_budget)
    for _ in range(settings.growths):
        rows = high.isinf().nonzero().squeeze(1)
        if len(rows) == 0:
            break
        succeeded = _iterate(recorder, images, labels, budget, rows, settings)
        high[rows[succeeded]] = budget[rows[succeeded]]
        low[rows[~succeeded]] = budget[rows[~succeeded]]
        budget[rows[~succeeded]] *= settings.growth
    rows = high.isfinite().nonzero().squeeze(1)
    for _ in range(settings.bisections if len(rows) else 0):
        budget[rows] = (low[rows] + high[rows]) / 2
        succeeded = _iterate(recorder, images, labels, budget, rows, settings)
        high[rows[succeeded]] = budget[rows[succeeded]]
        low[rows[~succeeded]] = budget[rows[~succeeded]]


def _iterate(
    recorder: Recorder, images: Tensor, labels: Tensor, budget: Tensor, rows: Tensor, settings: Settings
) -> Tensor:
    """BIM with each sample's own budget, until it succeeds; whether an iterate of each row was adversarial (M,)."""
    clean, radius = images[rows], budget[rows, None, None, None]
    x, succeeded = clean.clone(), torch.zeros_like(rows, dtype=torch.bool)
    accumulated = torch.zeros_like(x)
    for _ in range(settings.iterations):
        going = (~succeeded).nonzero().squeeze(1)
        if len(going) == 0:
            break
        gradient = ascent(recorder, x[going], labels[rows[going]], rows[going])
        size = gradient.flatten(1).abs().mean(1).clamp_min(torch.finfo(x.dtype).tiny)[:, None, None, None]
        accumulated[going] = settings.momentum * accumulated[going] + gradient / size
        step = x[going] + settings.relative_step * radius[going] * direction(accumulated[going], settings.norm)
        x[going] = (clean[going] + _project(step - clean[going], radius[going], settings)).clamp(0, 1)
        succeeded[going] = recorder.is_adversarial(x[going], rows[going])
    return succeeded


def _project(perturbation: Tensor, radius: Tensor, settings: Settings) -> Tensor:
    """Back into the ball of the given radius, in Linf or in root mean square."""
    if settings.norm == "linf":
        return perturbation.clamp(-radius, radius)
    rms = perturbation.flatten(1).square().mean(1).sqrt()[:, None, None, None]
    return perturbation * (radius / rms.clamp_min(torch.finfo(rms.dtype).tiny)).clamp(max=1)
