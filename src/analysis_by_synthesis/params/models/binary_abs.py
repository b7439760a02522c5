"""The configuration of Binary ABS."""

from typing import Literal

from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.inference import InferenceSettings


class Config(Block):
    """How its latents are searched for."""

    module: Literal["binary_abs"]
    """The module of `models` that defines the model."""
    inference: InferenceSettings
    """The search for D_c(x)."""
