"""The block `evaluation`: how samples are attacked."""

from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class Evaluation(Block):
    """How samples are attacked, whatever the attack."""

    chunk_size: Count
    """Samples that are attacked together, from a seed of their own.

    Chunks are always whole, so that the first samples of a cell don't depend on how many there are.
    """
    start_images: Count
    """Number of training images, the first ones, among which attacks look for one of another class to start from."""
    candidates: Count
    """Closest inputs of a sample that the arbiter is asked about, and so many milestones."""
    milestone: Share
    """Share of the distance of one milestone at which an input is the next one: the closest inputs can lie close together."""
    overshoots: list[Positive]
    """Factors by which each is lengthened; the nearest image is asked about first."""
    margin: Positive
    """Least difference between the logits of an adversarial, which rounding on another machine can't undo."""
