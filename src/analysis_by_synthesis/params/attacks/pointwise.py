"""Settings: The Pointwise attack (section 5; introduced with the paper): undo the change of one pixel after the other."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Growth, Share


class Settings(AttackSettings):
    """Args: starts: of the whole attack, the best result is kept; repetitions, levels, narrowing: of the salt-and-pepper
    noise for a start, the sparsest is taken, and the next start goes on from its density; bisections: per pixel, for L2
    only; least_gain: passes of bisections are repeated while they shorten a perturbation by this share."""

    norm: Literal["l0", "l2"]
    starts: Count
    repetitions: Count
    levels: Count
    narrowing: Growth
    bisections: Count
    least_gain: Share
