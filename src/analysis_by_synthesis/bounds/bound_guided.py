"""The attack that the lower bounds point out: to the nearest perturbation that they can't exclude (bounds.cuts)."""

from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.cuts import bracket
from analysis_by_synthesis.bounds.records import records
from analysis_by_synthesis.params.attacks.bound_guided import Settings


class Attack(base.Attack[Settings]):
    """Only for ABS and Binary ABS: it looks at their decoders."""

    def run(self, recorder: Recorder) -> dict[str, Tensor]:
        """Attack, and say how small the perturbations can't be: columns as of bounds.records."""
        return records(bracket(recorder, self.settings.search), self.settings.search)
