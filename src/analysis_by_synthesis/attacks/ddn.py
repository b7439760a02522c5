"""DDN (Rony et al., 2018), as Foolbox has it: the norm shrinks where the image is adversarial and grows where it is not."""

from typing import Literal

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.params import Count, Positive, Share


class Settings(AttackSettings):
    """Args: steps; first_norm: L2; change: of the norm from step to step."""

    norm: Literal["l2"]
    steps: Count
    first_norm: Positive
    change: Share


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    ddn = foolbox.attacks.DDNAttack(init_epsilon=settings.first_norm, steps=settings.steps, gamma=settings.change)
    ddn(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
