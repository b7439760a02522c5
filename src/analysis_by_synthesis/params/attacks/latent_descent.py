"""Settings of the Latent Descent attack."""

from typing import Annotated, ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count, Paper, Share


class Settings(AttackSettings):
    """Steps towards the likeliest reconstruction of the likeliest wrong class (section 5, eq. 9)."""

    sees: ClassVar[Sees] = "latents"

    epsilon: Annotated[Share, Paper("epsilon, eq. 9")]
    """Share of the way to the reconstruction that a step goes."""
    steps: Count
    """Largest number of steps."""
    bisections: Count
    """Halvings of the last step, then of the way to the clean image."""
