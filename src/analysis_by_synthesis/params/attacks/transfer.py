"""Settings of the transfer attacks."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks import basic_iterative, fast_gradient
from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Block, Count, Factor, Positive

SUBSTITUTE = "substitute"


class Sources(Block):
    """The attacks on the substitute (section 5)."""

    fgm: fast_gradient.Settings
    """FGM."""
    fgsm: fast_gradient.Settings
    """FGSM."""
    l2_bim: basic_iterative.Settings
    """L2 BIM."""
    bim: basic_iterative.Settings
    """BIM."""


class Settings(AttackSettings):
    """Perturbations that fool the substitute, scaled until they fool the model."""

    sees: ClassVar[Sees] = "decisions"
    needs: ClassVar[tuple[str, ...]] = (SUBSTITUTE,)

    sources: Sources
    """The attacks on the substitute."""
    init_scale: Positive
    """The first scale of a perturbation."""
    growth_factor: Factor
    """Factor of the scale after a failure."""
    growth_steps: Count
    """Largest number of scales that are tried until one succeeds."""
    bisections: Count
    """Halvings of the interval after that."""
