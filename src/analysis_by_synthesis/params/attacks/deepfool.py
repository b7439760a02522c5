"""Settings of DeepFool."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive


class Settings(AttackSettings):
    """Steps to the boundary of the linearised model."""

    sees: ClassVar[Sees] = "gradients"

    norm: Literal["l2", "linf"]
    """The metric that is minimised."""
    steps: Annotated[Count, Foolbox("L2DeepFoolAttack")]
    """Largest number of steps."""
    overshoot: Annotated[Positive, Foolbox("L2DeepFoolAttack")]
    """Share by which each step goes too far."""
