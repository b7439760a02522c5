"""The block `seeds`: how far Table 1 depends on the seed of a training."""

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count


class Seeds(Block):
    """Which networks are trained once more, and how they are attacked."""

    models: list[str]
    """Blocks of `classifiers`."""
    seeds: list[int] = Field(min_length=1)
    """Of the further trainings."""
    attacks: list[str] = Field(min_length=1)
    """Blocks of `attacks` that need nothing but the model."""
    images: Count
    """Number of test images that are attacked, the first ones of the order."""
