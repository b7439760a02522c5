"""A block of `classifiers`: how a classifier is trained."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.augmentation import Augmentation
from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class Adversary(Block):
    """PGD under the Linf norm, random start; epsilon grows linearly from 0 over the warm-up epochs."""

    epsilon: Positive
    step_size: Positive
    steps: Count
    warm_up_epochs: Annotated[float, Field(ge=0)]


class ClassifierTraining(Block):
    recipe: str
    epochs: Count
    batch_size: Count
    max_learning_rate: Positive
    warm_up_share: Share
    adversary: Adversary | None
    augmentation: Augmentation | None = None
    """How images are changed at random; null for images as they are."""
