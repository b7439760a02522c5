"""Settings: HopSkipJump for L2 and Linf (Chen et al., 2019), as Foolbox has it: estimates the boundary's normal from decisions."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """Args: steps; first_probes: queries for the first normal, growing with the root of the step; bisections: towards the
    start."""

    pool: ClassVar[bool] = True
    norm: Literal["l2", "linf"]
    steps: Count
    first_probes: Count
    bisections: Count
