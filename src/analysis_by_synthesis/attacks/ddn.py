"""DDN (Rony et al., 2018), as Foolbox has it: the norm shrinks where the image is adversarial and grows where it is not."""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.ddn import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    ddn = foolbox.attacks.DDNAttack(init_epsilon=settings.first_norm, steps=settings.steps, gamma=settings.change)
    ddn(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
