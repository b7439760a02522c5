"""Settings of sigma-zero."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Positive


class Settings(AttackSettings):
    """Steps of Adam on the margin and a smooth count of changed pixels; small changes are dropped after each."""

    sees: ClassVar[Sees] = "gradients"
    hinge_loss: ClassVar[bool] = True

    norm: Literal["l0"]
    """The metric that is minimised."""
    steps: Count
    """Number of steps; as the other settings and their names, the authors' (Cina et al., 2025), who take 1000."""
    step_size: Positive
    """Adam's rate eta in the first step."""
    last_step_size: Positive
    """What it falls to, by half a cosine."""
    sigma: Positive
    """Of the smooth count, the sum of d^2 / (d^2 + sigma) over pixels."""
    threshold: Positive
    """Size tau of a change up to which it is dropped, in the beginning."""
    threshold_step: Positive
    """By which this grows after a success and shrinks after a failure, times the rate."""
