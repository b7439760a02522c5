"""The Boundary Attack (Brendel et al., 2018), as Foolbox has it: a random walk along the decision boundary."""

from typing import Literal

import foolbox
from torch import Tensor

from analysis_by_synthesis.attacks.starts import follow_boundary
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.params import Count, Positive


class Settings(AttackSettings):
    """Args: steps; spherical_step, source_step: relative to the distance, at first; look_every: steps between two looks at
    their success rates, which take 30 and 100 looks to change them; bisections: towards the start."""

    norm: Literal["l2"]
    steps: Count
    spherical_step: Positive
    source_step: Positive
    look_every: Count
    bisections: Count


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    boundary = foolbox.attacks.BoundaryAttack(
        steps=settings.steps,
        spherical_step=settings.spherical_step,
        source_step=settings.source_step,
        update_stats_every_k=settings.look_every,
    )
    follow_boundary(lambda _: boundary, recorder, settings.bisections)
