"""Salt-and-pepper noise of growing density, until the class changes (section 5)."""

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.noise import salt_and_pepper
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.salt_and_pepper import Settings


class Attack(base.Attack[Settings]):
    """Several searches; each ends near the density that the one before has found."""

    def run(self, recorder: Recorder) -> None:
        salt_and_pepper(recorder, self.settings.levels, self.settings.repetitions, self.settings.density_factor)
