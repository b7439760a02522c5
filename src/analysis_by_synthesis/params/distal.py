"""The block `distal`: ascents from noise."""

from typing import Annotated, Literal

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Paper, Positive
from analysis_by_synthesis.params.calibration import Probability

Start = Literal["noise", "black", "inverted", "digit"]


class Ascent(Block):
    """Ascents with one kind of gradient."""

    starts: Count
    """Number of images of uniform noise to start from."""
    steps: Count
    """Largest number of steps."""
    difference_step: Positive | None
    """Pixel difference of the central differences that estimate the gradient; null for the exact gradient."""
    normalise: bool
    """Whether the gradient is divided by its L2 length."""
    momentum: Annotated[float, Field(ge=0, lt=1)]
    """Share of the last step's direction that is added to the gradient."""
    step_size: Positive
    """What that sum is multiplied by."""


class DistalSettings(Block):
    """Gradient ascent on p(y|x) of eq. 4 (section 7)."""

    target: Annotated[int, Field(ge=0, le=9), Paper("y")]
    """The class y."""
    confidence: Annotated[Probability, Paper("0.9, section 7")]
    """p(y|x) at which an ascent ends."""
    exact: Ascent
    """With exact gradients."""
    estimated: Ascent
    """With estimated gradients, which the authors' code follows."""
    matrix: list[Start] = Field(min_length=1)
    """Starts of the ascents to every class, as many steps as of `exact`: uniform noise, a black image, a digit of the next class
    with its grey levels inverted, or as it is."""
