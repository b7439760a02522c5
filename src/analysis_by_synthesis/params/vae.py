"""The block `vae`: how the VAEs are trained."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.augmentation import Augmentation
from analysis_by_synthesis.params.base import Block, Count, Paper, Positive, Share


class VAETraining(Block):
    """Training by the ELBO of eq. 2, with Adam and a one-cycle learning rate."""

    epochs: Count
    """Passes over the training images of a class."""
    batch_size: Count
    """Images in one step."""
    max_learning_rate: Positive
    """Peak of the one-cycle schedule."""
    warm_up_share: Share
    """Share of the steps in which the learning rate rises."""
    kl_weight_start: Annotated[float, Field(ge=1), Paper("10, appendix A.7")]
    """Weight of the KL divergence in the first step."""
    kl_weight_end: Annotated[Positive, Paper("1, appendix A.7")]
    """Weight that it falls to."""
    kl_annealing_epochs: Annotated[Count, Paper("50, appendix A.7")]
    """Epochs over which this weight falls linearly."""
    held_out: Annotated[int, Field(ge=0)] = 0
    """So many training images of each class, random ones, are kept for what has to be fitted to images that no VAE knows."""
    augmentation: Augmentation | None = None
    """How images are changed at random; null for images as they are."""
