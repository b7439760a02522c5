"""The block `paper_bounds`: the paper's lower bounds."""

from typing import Annotated

from analysis_by_synthesis.params.base import Block, Count, Paper


class PaperBoundsSettings(Block):
    """The bounds of eq. 8 (L2) and appendix A.6 (Linf)."""

    images: Count
    """Number of test images, the first ones of the order."""
    seeds: Annotated[Count, Paper("10")]
    """Number of searches, each with other candidates."""
    evaluations: Annotated[Count, Paper("50 steps of Adam")]
    """Evaluations of D and its gradient by BFGS from the best candidate."""
    rounds: Count
    """Alternations of epsilon and z for Linf."""
