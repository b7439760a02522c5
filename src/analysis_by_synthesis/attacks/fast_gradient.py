"""FGSM (Goodfellow et al., 2015) and its L2 variant, FGM: one gradient, then the shortest step that succeeds.

Foolbox's version takes one step size for the whole batch and doesn't search for it.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.gradient import direction
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.settings import AttackSettings
from analysis_by_synthesis.params import Count


class Settings(AttackSettings):
    """Args: steps: even step sizes up to 1; finer_steps: tried again below a success within the first as many steps."""

    steps: Count
    finer_steps: Count


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    gradient = direction(recorder, images, labels, settings.norm)
    sizes = torch.linspace(0, 1, settings.steps + 1)[1:].tolist()
    everything = torch.arange(len(images), device=images.device)
    rows = _scan(recorder, images, gradient, sizes[: settings.finer_steps], everything)
    early = everything[~torch.isin(everything, rows)]
    _scan(recorder, images, gradient, sizes[settings.finer_steps :], rows)
    longest = sizes[min(settings.finer_steps, len(sizes)) - 1]
    _scan(recorder, images, gradient, torch.linspace(0, longest, settings.finer_steps + 1)[1:].tolist(), early)


def _scan(recorder: Recorder, images: Tensor, gradient: Tensor, sizes: list[float], rows: Tensor) -> Tensor:
    """Try the sizes in turn, each sample until it succeeds; the samples that never do."""
    for size in sizes:
        if len(rows) == 0:
            break
        rows = rows[~recorder.is_adversarial((images[rows] + size * gradient[rows]).clamp(0, 1), rows)]
    return rows
