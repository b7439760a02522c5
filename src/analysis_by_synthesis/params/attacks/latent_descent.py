"""Settings: The Latent Descent attack (section 5, eq. 9): walk towards the likeliest reconstruction of the likeliest wrong class."""

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count, Share


class Settings(AttackSettings):
    """Args: step: epsilon of eq. 9; steps: at most; bisections: inside the last step, then towards the clean image."""

    step: Share
    steps: Count
    bisections: Count
