"""FMN for Linf and L0 (Pintor et al., 2021), as Foolbox has it; its L2 variant never projects, DDN stands in for it."""

import math

import eagerpy as ep
import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.fast_minimum_norm import Settings


class L0FMNAttack(foolbox.attacks.L0FMNAttack):
    """Foolbox's, which fails where every pixel may change."""

    def project(self, x: ep.Tensor, x0: ep.Tensor, epsilon: ep.Tensor) -> ep.Tensor:
        return super().project(x, x0, ep.minimum(epsilon, math.prod(x.shape[1:]) - 1))


VARIANTS = {"linf": foolbox.attacks.LInfFMNAttack, "l0": L0FMNAttack}


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    fmn = VARIANTS[settings.norm](steps=settings.steps, max_stepsize=settings.longest_step, gamma=settings.change)
    fmn(foolbox_model(recorder), images, foolbox.Misclassification(labels), epsilons=None)
