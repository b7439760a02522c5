"""PGD (Madry et al., 2018), as adversarial training has it: one budget, which isn't searched for.

Its loss is the cross-entropy, the gradient of which is lost to rounding where a model is certain, as ABS is: there BIM does better.
"""

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.pgd import Settings
from analysis_by_synthesis.training.pgd import pgd


class Attack(base.Attack[Settings]):
    """One run from a random start; every iterate counts."""

    def run(self, recorder: Recorder) -> None:
        epsilon, stepsize, steps = self.settings.epsilon, self.settings.abs_stepsize, self.settings.steps
        recorder.is_adversarial(pgd(recorder, recorder.images, recorder.labels, epsilon, stepsize, steps))
