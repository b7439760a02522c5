"""The configuration of the networks with trained weights."""

from typing import Literal

from analysis_by_synthesis.params.base import Block


class Config(Block):
    """A network, and how it sees its images."""

    module: Literal["trained"]
    """The module of `models` that defines the model."""
    network: str
    """The module of `networks` that builds the network."""
    binarize: bool = False
    """Whether images are binarised at 0.5 first."""
