"""Settings: FMN for Linf and L0 (Pintor et al., 2021), as Foolbox has it; its L2 variant never projects, DDN stands in for it."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive, Share


class Settings(AttackSettings):
    """Args: steps; longest_step: the first one, L2; change: of the norm from step to step, at first."""

    norm: Literal["l0", "linf"]
    steps: Count
    longest_step: Positive
    change: Share
