"""A block of `classifiers`: how a classifier is trained."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.augmentation import Augmentation
from analysis_by_synthesis.params.base import Block, Count, NonNegative, Positive, Share


class Adversary(Block):
    """PGD in Linf with a random start, against which a classifier is trained (Madry et al., 2018)."""

    epsilon: Annotated[float, Field(gt=0, le=1)]
    """Largest change of a pixel."""
    step_size: Positive
    """Change of a pixel in one step."""
    steps: Count
    """Number of steps."""
    warm_up_epochs: NonNegative
    """Epochs over which epsilon and the step size grow linearly from 0."""


class ClassifierTraining(Block):
    """Training by cross-entropy with Adam and a one-cycle learning rate."""

    recipe: str
    """Name of the recipe, which the tables show."""
    epochs: Count
    """Passes over the training images."""
    batch_size: Count
    """Images in one step."""
    max_learning_rate: Positive
    """Peak of the one-cycle schedule."""
    warm_up_share: Share
    """Share of the steps in which the learning rate rises."""
    adversary: Adversary | None
    """The attack that images are replaced by; null for clean images."""
    half_precision: bool = False
    """Whether the trained weights are rounded to 16 bits each, which halves their file."""
    augmentation: Augmentation | None = None
    """How images are changed at random; null for images as they are."""
