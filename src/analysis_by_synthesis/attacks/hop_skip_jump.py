"""HopSkipJump for L2 and Linf (Chen et al., 2019), as Foolbox has it: estimates the boundary's normal from decisions."""

import foolbox

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.starts import follow_boundary
from analysis_by_synthesis.params.attacks.hop_skip_jump import Settings


class Attack(base.Attack[Settings]):
    """Foolbox's HopSkipJumpAttack."""

    def run(self, recorder: Recorder) -> None:
        attack = foolbox.attacks.HopSkipJumpAttack(
            steps=self.settings.steps,
            initial_gradient_eval_steps=self.settings.initial_gradient_eval_steps,
            constraint=self.settings.norm,
        )
        follow_boundary(lambda _: attack, recorder, self.settings.bisections)
