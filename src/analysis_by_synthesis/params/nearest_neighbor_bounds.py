"""The block `nearest_neighbor_bounds`: what is known exactly of Nearest Neighbor."""

from analysis_by_synthesis.params.base import Block, Count


class NearestNeighborBounds(Block):
    """The shortest perturbation in L2 that leads to another class (bounds.nearest_neighbor)."""

    images: Count
    """Number of test images, the first ones of the order."""
