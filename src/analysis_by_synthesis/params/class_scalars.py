"""The block `class_scalars`: gamma of Binary ABS."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class ClassScalars(Block):
    """The line search for gamma, class by class, on the accuracy (section 3)."""

    images: Count
    """Number of training images, the first ones."""
    lowest: Positive
    """Smallest value of the grid."""
    highest: Positive
    """Largest value of the grid."""
    grid: Count
    """Number of values."""
    sweeps: Count
    """Passes over the ten classes."""
