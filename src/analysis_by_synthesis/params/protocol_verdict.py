"""The block `protocol_verdict`: adversarials judged by the paper's own search."""

from typing import Annotated

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Factor


class ProtocolVerdict(Block):
    """How adversarials are lengthened until the paper's search sees another class too (evaluation.protocol)."""

    images: Count
    """Number of images of each attack, its first ones."""
    clean_images: Count
    """Number of clean test images, the first ones of the order, beside those that were attacked."""
    factors: Annotated[tuple[Factor, ...], Field(strict=False, min_length=1)]
    """Lengths that are tried in turn, relative to the adversarial's; after them, every changed pixel at the end of its range."""
    bisections: Count
    """Geometric halvings between the last length that the search refused and the first that it did not."""
