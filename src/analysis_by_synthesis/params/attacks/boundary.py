"""Settings: The Boundary Attack (Brendel et al., 2018), as Foolbox has it: a random walk along the decision boundary."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive


class Settings(AttackSettings):
    """Args: steps; spherical_step, source_step: relative to the distance, at first; look_every: steps between two looks at
    their success rates, which take 30 and 100 looks to change them; bisections: towards the start."""

    pool: ClassVar[bool] = True
    norm: Literal["l2"]
    steps: Count
    spherical_step: Positive
    source_step: Positive
    look_every: Count
    bisections: Count
