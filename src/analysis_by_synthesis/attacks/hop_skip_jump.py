"""HopSkipJump for L2 and Linf (Chen et al., 2019), as Foolbox has it: estimates the boundary's normal from decisions."""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.starts import follow_boundary
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.hop_skip_jump import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    hop_skip_jump = foolbox.attacks.HopSkipJumpAttack(
        steps=settings.steps, initial_gradient_eval_steps=settings.first_probes, constraint=settings.norm
    )
    follow_boundary(lambda _: hop_skip_jump, recorder, settings.bisections)
