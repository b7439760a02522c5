"""Settings of PGD."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from analysis_by_synthesis.params.attacks.base import AttackSettings, Budget, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive


class Settings(AttackSettings):
    """Steps along the sign of the gradient, inside a ball of fixed size."""

    sees: ClassVar[Sees] = "gradients"
    budget: ClassVar[Budget] = "fixed"

    norm: Literal["linf"]
    """The metric of the ball."""
    epsilon: Annotated[float, Field(gt=0, le=1)]
    """Radius of the ball."""
    abs_stepsize: Annotated[Positive, Foolbox("LinfProjectedGradientDescentAttack")]
    """Change of a pixel in one step."""
    steps: Annotated[Count, Foolbox("LinfProjectedGradientDescentAttack")]
    """Number of steps."""
