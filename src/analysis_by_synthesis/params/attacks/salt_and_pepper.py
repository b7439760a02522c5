"""Settings of salt-and-pepper noise."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Budget, Sees
from analysis_by_synthesis.params.base import Count, Factor


class Settings(AttackSettings):
    """Noise of growing density."""

    sees: ClassVar[Sees] = "noise"
    budget: ClassVar[Budget] = "limited"

    levels: Count
    """Number of evenly spaced densities."""
    repetitions: Count
    """Number of searches."""
    density_factor: Factor
    """The next search ends at this multiple of the density that has succeeded."""
