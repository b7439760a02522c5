"""What is known about each image."""

import torch
from torch import Tensor

from analysis_by_synthesis.bounds.cuts import Bracket, single_without_box
from analysis_by_synthesis.bounds.single_perturbation import Stretched
from analysis_by_synthesis.params.bounds import CutSettings


def records(found: Bracket, search: CutSettings) -> dict[str, Tensor]:
    """What a bracket of N images says, by image.

    Returns:
        rival (the class nearest by), single_without_box (nan where there is none), single and lower (bounds.cuts).
    """
    boxed = isinstance(found.relaxation.perturbations, Stretched)
    free = single_without_box(found, search) if boxed else torch.full_like(found.lower, torch.nan)
    return {
        "rival": found.runs.classes[:, 0], "single_without_box": free, "single": found.single, "lower": found.lower,
    }  # fmt: skip
