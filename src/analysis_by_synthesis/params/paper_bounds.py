"""The block `paper_bounds`: the paper's lower bounds."""

from analysis_by_synthesis.params.base import Block, Count


class PaperBoundsSettings(Block):
    """Args: images: the first so many test images; seeds: of the candidates; evaluations: of the gradient in a search from
    the best candidate; rounds: alternations of epsilon and z for Linf."""

    images: Count
    seeds: Count
    evaluations: Count
    rounds: Count
