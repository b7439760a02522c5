"""DeepFool for L2 and Linf (Moosavi-Dezfooli et al., 2016), as Foolbox has it."""

import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.foolbox_model import run_foolbox
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.deepfool import Settings

VARIANTS = {"l2": foolbox.attacks.L2DeepFoolAttack, "linf": foolbox.attacks.LinfDeepFoolAttack}


class Attack(base.Attack[Settings]):
    """Foolbox's L2DeepFoolAttack or LinfDeepFoolAttack, towards all classes."""

    def run(self, recorder: Recorder) -> None:
        variant, steps, overshoot = VARIANTS[self.settings.norm], self.settings.steps, self.settings.overshoot
        run_foolbox(variant(steps=steps, candidates=None, overshoot=overshoot, loss="logits"), recorder)
