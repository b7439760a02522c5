"""The configuration of the models that `models.abs` defines."""

from typing import Literal

from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.inference import InferenceSettings


class Config(Block):
    """Args: inference: how the latents are searched for."""

    module: Literal["abs"]
    inference: InferenceSettings
