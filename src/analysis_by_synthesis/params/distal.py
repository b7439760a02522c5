"""The block `distal`: ascents from noise."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Paper, Positive
from analysis_by_synthesis.params.calibration import Probability


class Ascent(Block):
    """Ascents with one kind of gradient."""

    starts: Count
    """Number of images of uniform noise to start from."""
    steps: Count
    """Largest number of steps."""
    difference_step: Positive | None
    """Pixel difference of the central differences that estimate the gradient; null for the exact gradient."""


class DistalSettings(Block):
    """Gradient ascent on p(y|x) of eq. 4 (section 7)."""

    target: Annotated[int, Field(ge=0, le=9), Paper("y")]
    """The class y."""
    confidence: Annotated[Probability, Paper("0.9, section 7")]
    """p(y|x) at which an ascent ends."""
    step: Positive
    """L2 length of a step."""
    exact: Ascent
    """With exact gradients."""
    estimated: Ascent
    """With estimated gradients."""
