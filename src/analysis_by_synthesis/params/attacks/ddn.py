"""Settings of DDN."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive, Share


class Settings(AttackSettings):
    """Steps on a sphere around the clean image, whose radius follows their success."""

    sees: ClassVar[Sees] = "gradients"

    norm: Literal["l2"]
    """The metric that is minimised."""
    steps: Annotated[Count, Foolbox("DDNAttack")]
    """Number of steps."""
    init_epsilon: Annotated[Positive, Foolbox("DDNAttack")]
    """The first radius, in L2."""
    gamma: Annotated[Share, Foolbox("DDNAttack")]
    """Share by which the radius grows or shrinks in each step."""
