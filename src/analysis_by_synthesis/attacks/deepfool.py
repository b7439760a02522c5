"""DeepFool for L2 and Linf (Moosavi-Dezfooli et al., 2016), as Foolbox has it."""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.deepfool import Settings

VARIANTS = {"l2": foolbox.attacks.L2DeepFoolAttack, "linf": foolbox.attacks.LinfDeepFoolAttack}


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    variant = VARIANTS[settings.norm](
        steps=settings.steps, candidates=None, overshoot=settings.overshoot, loss="logits"
    )
    variant(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
