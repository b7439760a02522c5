"""The attack that the lower bounds point out: to the nearest perturbation that they can't exclude (bounds.cuts).

It needs the decoders, so only ABS and Binary ABS can be attacked.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.bounds.cuts import CutSettings, bracket, single_without_box
from analysis_by_synthesis.bounds.single_perturbation import Stretched


class Settings(AttackSettings):
    """Args: search: as of the bounds."""

    search: CutSettings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> dict[str, Tensor]:
    """Attack, and say how small the perturbations can't be.

    Returns:
        per sample: rival (the class nearest by), single_without_box (nan where there is none), single and lower, the bounds
        of bounds.cuts.
    """
    found = bracket(recorder, settings.search)
    boxed = isinstance(found.relaxation.perturbations, Stretched)
    free = single_without_box(found, settings.search) if boxed else torch.full_like(found.lower, torch.nan)
    return {
        "rival": found.runs.classes[:, 0], "single_without_box": free, "single": found.single, "lower": found.lower,
    }  # fmt: skip
