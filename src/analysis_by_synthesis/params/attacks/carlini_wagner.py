"""Settings: The L2 attack of Carlini & Wagner (2017), as Foolbox has it."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive


class Settings(AttackSettings):
    """Args: searches: of the weight of the class against the norm; steps, learning_rate: of Adam in each; first_weight."""

    norm: Literal["l2"]
    searches: Count
    steps: Count
    learning_rate: Positive
    first_weight: Positive
