"""The attack of Brendel & Bethge for L2, Linf and L0 (2019), as Foolbox has it: follows the boundary by its gradient.

Foolbox's trust region grows with the number of samples attacked together; here it doesn't.
"""

from collections.abc import Callable

import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.starts import follow_boundary
from analysis_by_synthesis.params.attacks.brendel_bethge import Settings

VARIANTS: dict[str, Callable[..., foolbox.attacks.base.MinimizationAttack]] = {
    "l2": foolbox.attacks.L2BrendelBethgeAttack,
    "linf": foolbox.attacks.LinfinityBrendelBethgeAttack,
    "l0": foolbox.attacks.L0BrendelBethgeAttack,
}


class Attack(base.Attack[Settings]):
    """Foolbox's L2BrendelBethgeAttack, LinfinityBrendelBethgeAttack or L0BrendelBethgeAttack."""

    def run(self, recorder: Recorder) -> None:
        for rank in range(self.settings.restarts):
            follow_boundary(self._build, recorder, self.settings.binary_search_steps, rank)

    def _build(self, samples: int) -> foolbox.attacks.base.MinimizationAttack:
        return VARIANTS[self.settings.norm](
            steps=self.settings.steps,
            lr=self.settings.lr / samples,
            lr_num_decay=self.settings.lr_num_decay,
            binary_search_steps=self.settings.binary_search_steps,
        )
