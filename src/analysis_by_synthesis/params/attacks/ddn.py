"""Settings: DDN (Rony et al., 2018), as Foolbox has it: the norm shrinks where the image is adversarial and grows where it is not."""

from typing import Literal

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Positive, Share


class Settings(AttackSettings):
    """Args: steps; first_norm: L2; change: of the norm from step to step."""

    norm: Literal["l2"]
    steps: Count
    first_norm: Positive
    change: Share
