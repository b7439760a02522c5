"""Settings: Gaussian noise of growing size, until the class changes (section 5, score-free attacks)."""

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """Args: levels: of the noise, evenly spaced; the last has a standard deviation of 1/sqrt(3), as a uniform one of +-1."""

    levels: Count
