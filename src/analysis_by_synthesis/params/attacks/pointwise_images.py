"""Settings of the Pointwise attack from images of other classes."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """An image of another class, undone pixel by pixel."""

    sees: ClassVar[Sees] = "decisions"
    needs_images: ClassVar[bool] = True

    norm: Literal["l0"]
    """The metric that is minimised."""
    restarts: Count
    """Runs of the whole attack, from the nearest images of other classes in turn; the best result counts."""
