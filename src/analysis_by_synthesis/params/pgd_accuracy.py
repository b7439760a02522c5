"""The block `pgd_accuracy`: how the adversarially trained network is judged."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Positive


class PGD(Block):
    """PGD in Linf with a random start, at a fixed budget (Madry et al., 2018)."""

    images: Count
    """Number of test images, the first ones of the order."""
    epsilon: Annotated[float, Field(gt=0, le=1)]
    """Largest change of a pixel."""
    step_size: Positive
    """Change of a pixel in one step."""
    steps: Count
    """Number of steps."""
