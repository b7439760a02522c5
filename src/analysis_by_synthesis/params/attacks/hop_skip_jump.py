"""Settings of HopSkipJump."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox


class Settings(AttackSettings):
    """Steps along a normal of the boundary that is estimated from decisions."""

    sees: ClassVar[Sees] = "decisions"
    needs_images: ClassVar[bool] = True

    norm: Literal["l2", "linf"]
    """The metric that is minimised; Foolbox's constraint."""
    steps: Annotated[Count, Foolbox("HopSkipJumpAttack")]
    """Number of steps."""
    initial_gradient_eval_steps: Annotated[Count, Foolbox("HopSkipJumpAttack")]
    """Queries for the first normal; they grow with the root of the step."""
    bisections: Count
    """Halvings of the way to the image that the attack starts from."""
