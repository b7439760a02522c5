"""The attack that the lower bounds point out: to the nearest perturbation that they can't exclude (bounds.cuts).

It needs the decoders, so only ABS and Binary ABS can be attacked.
"""

from torch import Tensor

from analysis_by_synthesis.bounds.cuts import bracket
from analysis_by_synthesis.bounds.records import records
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.bound_guided import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> dict[str, Tensor]:
    """Attack, and say how small the perturbations can't be.

    Returns:
        columns as of bounds.records.
    """
    return records(bracket(recorder, settings.search), settings.search)
