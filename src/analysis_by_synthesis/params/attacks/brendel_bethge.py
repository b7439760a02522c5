"""Settings: The attack of Brendel & Bethge for L2, Linf and L0 (2019), as Foolbox has it: follows the boundary by its gradient."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive


class Settings(AttackSettings):
    """Args: restarts: of the whole attack, towards one image of another class each; steps; learning_rate: radius of the trust
    region per pixel; decays: how often it is halved; bisections: towards the start."""

    pool: ClassVar[bool] = True
    restarts: Count
    steps: Count
    learning_rate: Positive
    decays: Count
    bisections: Count
