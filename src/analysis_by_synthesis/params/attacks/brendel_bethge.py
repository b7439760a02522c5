"""Settings of the attack of Brendel & Bethge."""

from typing import Annotated, ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive


class Settings(AttackSettings):
    """Follows the boundary by its gradient."""

    sees: ClassVar[Sees] = "gradients"
    needs_images: ClassVar[bool] = True

    restarts: Count
    """Runs of the whole attack, each from an image of another class; the best result counts."""
    steps: Annotated[Count, Foolbox("L2BrendelBethgeAttack")]
    """Number of steps of each run."""
    lr: Annotated[Positive, Foolbox("L2BrendelBethgeAttack")]
    """Radius of the trust region per pixel; Foolbox's is that of all samples together."""
    lr_num_decay: Annotated[Count, Foolbox("L2BrendelBethgeAttack")]
    """How often the radius is halved."""
    binary_search_steps: Annotated[Count, Foolbox("L2BrendelBethgeAttack")]
    """Halvings of the way to the image that a run starts from."""
