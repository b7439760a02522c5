"""DeepFool for L2 and Linf (Moosavi-Dezfooli et al., 2016), as Foolbox has it."""

from typing import Literal

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.params import Count, Positive

VARIANTS = {"l2": foolbox.attacks.L2DeepFoolAttack, "linf": foolbox.attacks.LinfDeepFoolAttack}


class Settings(AttackSettings):
    """Args: steps: at most; overshoot: 0.05 goes 5 % too far."""

    norm: Literal["l2", "linf"]
    steps: Count
    overshoot: Positive


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    variant = VARIANTS[settings.norm](
        steps=settings.steps, candidates=None, overshoot=settings.overshoot, loss="logits"
    )
    variant(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
