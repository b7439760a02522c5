"""The configuration of the models that `models.abs` defines."""

from typing import Literal

from analysis_by_synthesis.params.base import Block, Count
from analysis_by_synthesis.params.inference import InferenceSettings


class Config(Block):
    """Args: inference: how the latents are searched for."""

    module: Literal["abs"]
    network: str = "vae"
    """The module of `networks` that builds the VAE of a class."""
    classes: Count = 10
    """Number of classes, each with a VAE of its own."""
    inference: InferenceSettings
