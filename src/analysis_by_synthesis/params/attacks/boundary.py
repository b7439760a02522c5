"""Settings of the Boundary Attack."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Foolbox, Positive


class Settings(AttackSettings):
    """A random walk along the decision boundary."""

    sees: ClassVar[Sees] = "decisions"
    needs_images: ClassVar[bool] = True

    norm: Literal["l2"]
    """The metric that is minimised."""
    restarts: Count
    """Walks, from the nearest images of other classes in turn; the best result counts."""
    steps: Annotated[Count, Foolbox("BoundaryAttack")]
    """Largest number of steps of each walk."""
    spherical_step: Annotated[Positive, Foolbox("BoundaryAttack")]
    """Length of the first steps around the clean image, relative to the distance."""
    source_step: Annotated[Positive, Foolbox("BoundaryAttack")]
    """Length of the first steps towards it, relative to the distance."""
    source_step_convergance: Annotated[Positive, Foolbox("BoundaryAttack")]
    """Length of steps towards it below which a walk ends; Foolbox spells it so."""
    step_adaptation: Annotated[float, Field(gt=1), Foolbox("BoundaryAttack")]
    """Factor by which steps are lengthened and shortened."""
    update_stats_every_k: Annotated[Count, Foolbox("BoundaryAttack")]
    """Steps between two looks at the success rates, by which steps are lengthened and shortened."""
    bisections: Count
    """Halvings of the way to the image that the walk starts from."""
