"""Settings of BIM, L2 BIM and MIM."""

from typing import Annotated, ClassVar, Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Factor, Foolbox, NonNegative, Positive


class Settings(AttackSettings):
    """Gradient steps in a ball, whose radius epsilon is searched for: it grows until it succeeds, then it is bisected."""

    sees: ClassVar[Sees] = "gradients"

    norm: Literal["l2", "linf"]
    """The metric that is minimised."""
    steps: Annotated[Count, Foolbox("LinfBasicIterativeAttack")]
    """Steps for each epsilon."""
    rel_stepsize: Annotated[Positive, Foolbox("LinfBasicIterativeAttack")]
    """Length of a step, relative to epsilon."""
    momentum: NonNegative
    """Share of the accumulated gradient that is kept from step to step; 0 for BIM, 1 for MIM."""
    init_epsilon: Positive
    """The first epsilon, in Linf or in root mean square."""
    growth_factor: Factor
    """Factor of epsilon after a failure."""
    growth_steps: Count
    """Largest number of epsilons that are tried until one succeeds."""
    bisections: Count
    """Halvings of the interval after that."""
