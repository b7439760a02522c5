"""Settings of the attack that the lower bounds lead to."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.bounds import CutSettings

BOUND_GUIDED = "bound_guided"  # its name in tables of attacks; the stage of the bounds runs it
BOUND_GUIDED_LABEL = "Bound-Guided"


class Settings(AttackSettings):
    """Steps to the nearest perturbation that the bounds can't exclude."""

    sees: ClassVar[Sees] = "latents"

    search: CutSettings
    """The search for the bounds."""
