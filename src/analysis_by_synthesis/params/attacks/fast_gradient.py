"""Settings of FGSM and FGM."""

from typing import ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Budget, Sees
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """One gradient, then the shortest step that succeeds."""

    sees: ClassVar[Sees] = "gradients"
    budget: ClassVar[Budget] = "limited"

    norm: Literal["l2", "linf"]
    """The metric that is minimised."""
    epsilons: Count
    """Number of evenly spaced step sizes up to 1 that are tried."""
    finer_epsilons: Count
    """If one of the first so many succeeds, so many up to it are tried."""
