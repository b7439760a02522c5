"""The block `evaluation`: how samples are attacked."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class Evaluation(Block):
    """How samples are attacked.

    Args:
        chunk_size: samples that are attacked together, from a seed of their own; chunks are always whole, so that the
            first samples of a cell don't depend on how many there are.
        pool: training images, the first so many, among which attacks look for one of another class to start from.
        kept: closest inputs of a sample that the arbiter is asked about.
        overshoots: factors by which each is lengthened.
        margin: between the logits of an adversarial, so that rounding on another machine can't undo it.
    """

    chunk_size: Count
    pool: Count
    kept: Count
    overshoots: list[Positive]
    margin: Positive
