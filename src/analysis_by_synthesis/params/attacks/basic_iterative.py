"""Settings: BIM, also known as PGD (Kurakin et al., 2016), its L2 variant, and with momentum MIM (Dong et al., 2017)."""

from typing import Annotated, Literal

from pydantic import Field

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Growth, Positive


class Settings(AttackSettings):
    """Args: iterations: steps for one budget; relative_step: step / budget; momentum: share of the accumulated gradient that
    is kept; first_budget: in Linf or root mean square; growth: of the budget after a failure; growths: tries; bisections:
    once a budget has succeeded."""

    norm: Literal["l2", "linf"]
    iterations: Count
    relative_step: Positive
    momentum: Annotated[float, Field(ge=0)]
    first_budget: Positive
    growth: Growth
    growths: Count
    bisections: Count
