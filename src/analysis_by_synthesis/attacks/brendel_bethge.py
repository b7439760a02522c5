"""The attack of Brendel & Bethge for L2, Linf and L0 (2019), as Foolbox has it: follows the boundary by its gradient.

Foolbox's trust region grows with the number of samples attacked together; here it doesn't.
"""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.starts import follow_boundary
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.brendel_bethge import Settings

VARIANTS = {
    "l2": foolbox.attacks.L2BrendelBethgeAttack,
    "linf": foolbox.attacks.LinfinityBrendelBethgeAttack,
    "l0": foolbox.attacks.L0BrendelBethgeAttack,
}


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    def build(samples: int) -> foolbox.attacks.base.MinimizationAttack:
        return VARIANTS[settings.norm](
            steps=settings.steps,
            lr=settings.learning_rate / samples,
            lr_num_decay=settings.decays,
            binary_search_steps=settings.bisections,
        )

    for rank in range(settings.restarts):
        follow_boundary(build, recorder, settings.bisections, rank)
