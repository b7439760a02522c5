"""The configuration of the nearest neighbour."""

from typing import Literal

from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.data import Sha256


class Config(Block):
    """The images that it compares with."""

    module: Literal["nearest_neighbor"]
    """The module of `models` that defines the model."""
    references: dict[str, Sha256]
    """SHA-256 of the MNIST files that hold the reference images and their labels, by name."""
