"""FMN for Linf and L0 (Pintor et al., 2021), as Foolbox has it; its L2 variant never projects, DDN stands in for it."""

import math

import eagerpy as ep
import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.foolbox_model import run_foolbox
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.fast_minimum_norm import Settings


class L0FMNAttack(foolbox.attacks.L0FMNAttack):
    """Foolbox's, which fails where every pixel may change."""

    def project(self, x: ep.Tensor, x0: ep.Tensor, epsilon: ep.Tensor) -> ep.Tensor:
        projected: ep.Tensor = super().project(x, x0, ep.minimum(epsilon, math.prod(x.shape[1:]) - 1))
        return projected


VARIANTS = {"linf": foolbox.attacks.LInfFMNAttack, "l0": L0FMNAttack}


class Attack(base.Attack[Settings]):
    """Foolbox's LInfFMNAttack or L0FMNAttack."""

    def run(self, recorder: Recorder) -> None:
        variant, settings = VARIANTS[self.settings.norm], self.settings
        attack = variant(steps=settings.steps, max_stepsize=settings.max_stepsize, gamma=settings.gamma)
        run_foolbox(attack, recorder)
