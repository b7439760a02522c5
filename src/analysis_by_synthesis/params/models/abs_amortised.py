"""The configuration of amortised ABS."""

from typing import Literal

from analysis_by_synthesis.params.base import Block, Count


class Config(Block):
    """Whose encoders take the place of the search."""

    module: Literal["abs_amortised"]
    """The module of `models` that defines the model."""
    network: str
    """The module of `networks` that builds the VAE of a class."""
    classes: Count = 10
    """Number of classes, each with a VAE of its own."""
