"""The block `vae_health`: what is measured of the VAEs."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class VAEHealth(Block):
    """Reconstruction errors and KL divergences of the ten VAEs."""

    images: Count
    """Number of images, the first ones of each class and split."""
    active: Positive
    """Least KL divergence of a latent that is in use, in nats."""
