"""The block `distal`: ascents from noise."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Positive
from analysis_by_synthesis.params.calibration import Probability


class Ascent(Block):
    """Args: starts: from noise; steps: at most so many; difference: of the central differences, pixel by pixel, that
    estimate the gradient; null for the exact gradient."""

    starts: Count
    steps: Count
    difference: Positive | None


class DistalSettings(Block):
    """Args: target: the class y; confidence: p(y|x) at which an ascent ends; step: L2 length of each; two ascents."""

    target: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    step: Positive
    exact: Ascent
    estimated: Ascent
