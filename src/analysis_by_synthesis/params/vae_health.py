"""The block `vae_health`."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class VAEHealth(Block):
    """Args: images: the first so many of each class and split; active: least KL divergence of a latent in use, in nats."""

    images: Count
    active: Positive
