"""The block `search_attack`: a decision attack on one search of ABS instead of the arbiter."""

from typing import Literal

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Factor, Positive


class SearchAttack(Block):
    """How images are looked for that a search gets wrong below a lower bound (bounds.search_attack)."""

    searches: list[Literal["default", "protocol"]] = Field(min_length=1)
    """The attacked searches: our fast one, and the paper's."""
    images: Count
    """Number of images, the first ones that have bounds."""
    chunk_size: Count
    """Images whose walks share their random directions; each chunk is kept."""
    steps: Count
    """Steps of each walk; what isn't set here is that of `attacks.boundary`."""
    spherical_step: Positive
    """Length of the first steps around the clean image, relative to the distance."""
    source_step: Positive
    """Length of the first steps towards it, relative to the distance."""
    update_stats_every_k: Count
    """Steps from one look at how often they succeed, which adapts their lengths, to the next."""
    length: Factor
    """Length of the known adversarials where walks begin, relative to their own."""
