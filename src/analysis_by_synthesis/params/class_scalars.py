"""The block `class_scalars`: gamma of Binary ABS."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class ClassScalars(Block):
    """Args: images: the first so many training images; a grid of scalars; sweeps: over all ten classes."""

    images: Count
    lowest: Positive
    highest: Positive
    grid: Count
    sweeps: Count
