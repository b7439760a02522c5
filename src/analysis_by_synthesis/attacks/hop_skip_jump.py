"""HopSkipJump for L2 and Linf (Chen et al., 2019), as Foolbox has it: estimates the boundary's normal from decisions."""

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.attacks.starts import adversarial_starts
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.params import Count


class Settings(AttackSettings):
    """Args: steps; first_probes: queries for the first normal, growing with the root of the step; bisections: towards the
    start."""

    steps: Count
    first_probes: Count
    bisections: Count


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    rows, starts = adversarial_starts(recorder, images, labels, settings.bisections)
    if len(rows) == 0:
        return
    hop_skip_jump = foolbox.attacks.HopSkipJumpAttack(
        steps=settings.steps, initial_gradient_eval_steps=settings.first_probes, constraint=settings.norm
    )
    criterion = foolbox.Misclassification(labels[rows])
    hop_skip_jump(foolbox_model(recorder, rows), images[rows], criterion, epsilons=None, starting_points=starts)
