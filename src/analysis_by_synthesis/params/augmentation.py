"""How training images are changed, so that no two epochs see the same ones."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block


class Augmentation(Block):
    """Images are flipped from left to right half of the time, and moved in both directions."""

    shift: Annotated[int, Field(ge=0)]
    """Pixels by which an image is moved at most."""
