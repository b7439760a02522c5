"""Settings: The attack that the lower bounds point out: to the nearest perturbation that they can't exclude (bounds.cuts)."""

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.bounds import CutSettings

BOUND_GUIDED = "bound_guided"  # the attack that the stage of the bounds runs
BOUND_GUIDED_LABEL = "Bound-Guided"


class Settings(AttackSettings):
    """Args: search: as of the bounds."""

    search: CutSettings
