"""The configuration of the models that `models.trained` defines."""

from typing import Literal

from analysis_by_synthesis.params.base import Block


class Config(Block):
    """Args: network: the module of `networks` that builds it; binarize: whether it sees its input binarised."""

    module: Literal["trained"]
    network: str
    binarize: bool = False
