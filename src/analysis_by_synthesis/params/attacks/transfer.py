"""Settings: Transfer attacks (section 5): the perturbations that fool another network, lengthened until they fool this one."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks import basic_iterative, fast_gradient
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Block, Count, Growth, Positive

SUBSTITUTE = "substitute"


class Sources(Block):
    """The attacks on the substitute, with their settings."""

    fgm: fast_gradient.Settings
    fgsm: fast_gradient.Settings
    l2_bim: basic_iterative.Settings
    bim: basic_iterative.Settings


class Settings(AttackSettings):
    """Args: sources; first_scale: of a perturbation; growth: of the scale after a failure; growths: tries; bisections: once a
    scale has succeeded."""

    needs: ClassVar[tuple[str, ...]] = (SUBSTITUTE,)
    sources: Sources
    first_scale: Positive
    growth: Growth
    growths: Count
    bisections: Count
