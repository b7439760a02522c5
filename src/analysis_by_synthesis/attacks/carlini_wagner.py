"""The L2 attack of Carlini & Wagner (2017), as Foolbox has it."""

import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.foolbox_model import run_foolbox
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.carlini_wagner import Settings


class Attack(base.Attack[Settings]):
    """Foolbox's L2CarliniWagnerAttack."""

    def run(self, recorder: Recorder) -> None:
        attack = foolbox.attacks.L2CarliniWagnerAttack(
            binary_search_steps=self.settings.binary_search_steps,
            steps=self.settings.steps,
            stepsize=self.settings.stepsize,
            initial_const=self.settings.initial_const,
            abort_early=False,  # it would end the search of all samples together
        )
        run_foolbox(attack, recorder)
