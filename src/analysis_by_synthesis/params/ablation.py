"""The block `ablation`: the paper's inference with other numbers."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Positive


class Ablation(Block):
    """What is varied, one at a time, on clean images (evaluation.ablation)."""

    images: Count
    """Number of clean test images, the first ones of the order."""
    candidates: list[Count] = Field(min_length=1)
    """Numbers of candidates that the paper's search starts from."""
    steps: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    """Numbers of its steps."""
    sigma2: list[Positive] = Field(min_length=1)
    """Variances sigma^2 of the observation model at inference; training knows 1/2."""
    evaluations: Count
    """Evaluations of D and its gradient for another variance, from the latents for 1/2."""
