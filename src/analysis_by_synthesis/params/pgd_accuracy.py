"""The block `pgd_accuracy`."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class PGD(Block):
    """Args: images: the first so many test images; the attack's Linf budget, step size and number of steps."""

    images: Count
    epsilon: Positive
    step_size: Positive
    steps: Count
