"""Settings of the Pointwise attack."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Factor, Share


class Settings(AttackSettings):
    """Salt-and-pepper noise, undone pixel by pixel."""

    sees: ClassVar[Sees] = "decisions"

    norm: Literal["l0", "l2"]
    """The metric that is minimised."""
    restarts: Count
    """Runs of the whole attack; the best result counts."""
    repetitions: Count
    """Searches for a noisy start; the closest is taken."""
    levels: Count
    """Number of evenly spaced densities of the noise."""
    density_factor: Factor
    """The next search ends at this multiple of the density that has succeeded."""
    bisections: Count
    """Halvings of the change of a pixel, for L2 only."""
    min_improvement: Share
    """Passes over all pixels are repeated while they shorten the perturbation by this share."""
