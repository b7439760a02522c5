"""Settings of the Latent Descent attack of the authors' code."""

from typing import ClassVar

from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.base import Count


class Settings(AttackSettings):
    """A line search from the original image towards the likeliest reconstruction of the likeliest wrong class."""

    sees: ClassVar[Sees] = "latents"

    steps: Count
    """Number of even steps to the reconstruction."""
    bisections: Count
    """Halvings of the way from the clean image to the first adversarial."""
