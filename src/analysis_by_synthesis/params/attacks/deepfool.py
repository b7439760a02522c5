"""Settings: DeepFool for L2 and Linf (Moosavi-Dezfooli et al., 2016), as Foolbox has it."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive


class Settings(AttackSettings):
    """Args: steps: at most; overshoot: 0.05 goes 5 % too far."""

    norm: Literal["l2", "linf"]
    steps: Count
    overshoot: Positive
