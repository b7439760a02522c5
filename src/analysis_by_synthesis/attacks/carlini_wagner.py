"""The L2 attack of Carlini & Wagner (2017), as Foolbox has it."""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.carlini_wagner import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    carlini_wagner = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=settings.searches,
        steps=settings.steps,
        stepsize=settings.learning_rate,
        initial_const=settings.first_weight,
        abort_early=False,  # it would end the search of all samples together
    )
    carlini_wagner(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
