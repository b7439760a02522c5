"""The configuration of ABS."""

from typing import Literal

from analysis_by_synthesis.params.base import Block, Count
from analysis_by_synthesis.params.inference import InferenceSettings


class Config(Block):
    """How its latents are searched for."""

    module: Literal["abs"]
    """The module of `models` that defines the model."""
    network: str
    """The module of `networks` that builds the VAE of a class."""
    classes: Count = 10
    """Number of classes, each with a VAE of its own."""
    offsets: bool = False
    """Whether a constant is added to each class's distance, from class_offsets.json beside the weights."""
    inference: InferenceSettings
    """The search for D_c(x)."""
