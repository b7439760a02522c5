"""The block `calibration`: alpha and eta of every model."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Paper

Probability = Annotated[float, Field(gt=0.1, lt=1)]


class Calibration(Block):
    """The fit of eq. 4's softmax to clean images."""

    images: Annotated[Count, Paper("10000")]
    """Number of test images, the last ones of the order."""
    median_confidence: Annotated[Probability, Paper("0.9, section 7")]
    """Median p(y|x) of the predicted class, which eta brings about."""
