"""The configuration of the models that `models.nearest_neighbor` defines."""

from typing import Literal

from analysis_by_synthesis.params.base import Block


class Config(Block):
    """Args: references: SHA-256 of MNIST's files that hold the reference images and their labels, by name."""

    module: Literal["nearest_neighbor"]
    references: dict[str, str]
