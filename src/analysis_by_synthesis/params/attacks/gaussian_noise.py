"""Settings of Gaussian noise."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """Noise of growing size."""

    sees: ClassVar[Sees] = "noise"
    limited_budget: ClassVar[bool] = True

    levels: Count
    """Number of evenly spaced sizes; the largest standard deviation is 1/sqrt(3), that of uniform noise in [-1, 1]."""
