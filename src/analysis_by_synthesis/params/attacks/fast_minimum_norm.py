"""Settings of FMN."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive, Share


class Settings(AttackSettings):
    """Gradient steps in a ball around the clean image, whose radius follows their success."""

    sees: ClassVar[Sees] = "gradients"

    norm: Literal["l0", "linf"]
    """The metric that is minimised."""
    steps: Annotated[Count, Foolbox("LInfFMNAttack")]
    """Number of steps."""
    max_stepsize: Annotated[Positive, Foolbox("LInfFMNAttack")]
    """L2 length of the first step; later ones are shorter."""
    gamma: Annotated[Share, Foolbox("LInfFMNAttack")]
    """Share by which the radius grows or shrinks in the first steps; later less."""
