"""The block `calibration`: alpha and eta of every model."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count

Probability = Annotated[float, Field(gt=0.1, lt=1)]


class Calibration(Block):
    """Args: images: the last so many test images; median_confidence: of the predicted class, that eta brings about."""

    images: Count
    median_confidence: Probability
