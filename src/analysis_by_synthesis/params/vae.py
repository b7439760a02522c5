"""The block `vae`: how the VAEs are trained."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.augmentation import Augmentation
from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class VAETraining(Block):
    epochs: Count
    batch_size: Count
    max_learning_rate: Positive
    warm_up_share: Share
    kl_weight_start: Annotated[float, Field(ge=1)]
    kl_annealing_epochs: Count
    augmentation: Augmentation | None = None
    """How images are changed at random; null for images as they are."""
