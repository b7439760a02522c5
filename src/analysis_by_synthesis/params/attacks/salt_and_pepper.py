"""Settings: Salt-and-pepper noise of growing density, until the class changes (section 5)."""

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Growth


class Settings(AttackSettings):
    """Args: levels: densities, evenly spaced; repetitions: of the whole search; narrowing: where the next one ends,
    relative to the density that has succeeded."""

    levels: Count
    repetitions: Count
    narrowing: Growth
