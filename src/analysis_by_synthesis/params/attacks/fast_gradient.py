"""Settings: FGSM (Goodfellow et al., 2015) and its L2 variant, FGM: one gradient, then the shortest step that succeeds."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """Args: steps: even step sizes up to 1; finer_steps: if one of the first so many succeeds, so many up to it are tried."""

    norm: Literal["l2", "linf"]
    steps: Count
    finer_steps: Count
