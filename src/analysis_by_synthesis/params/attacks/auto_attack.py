"""Settings of AutoAttack."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Budget, Sees
from analysis_by_synthesis.params.base import Positive


class Settings(AttackSettings):
    """The standard version of four attacks at one budget."""

    sees: ClassVar[Sees] = "gradients"
    budget: ClassVar[Budget] = "fixed"

    norm: Literal["l2", "linf"]
    """The metric of the budget."""
    epsilon: Positive
    """The budget."""
