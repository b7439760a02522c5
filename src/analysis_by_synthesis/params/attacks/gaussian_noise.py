"""Settings of Gaussian noise."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Budget, Sees
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """Noise of growing size."""

    sees: ClassVar[Sees] = "noise"
    budget: ClassVar[Budget] = "limited"

    levels: Count
    """Number L of sizes; level l has the standard deviation (l / L)^2 / sqrt(3), the last one that of uniform noise in [-1, 1]."""
