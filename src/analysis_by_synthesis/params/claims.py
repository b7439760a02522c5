"""The block `claims`: what counts as what the paper says in words."""

from typing import Annotated

from analysis_by_synthesis.params.base import Block, Count, Factor, Paper, Positive, Share


class ClaimSettings(Block):
    """How the paper's claims are judged (evaluation.claims)."""

    resamples: Count
    """Of the images, for the bootstrap's 95 % intervals."""
    seed: int
    """Of the resamples."""
    close_accuracy: Share
    """Clean accuracy that still counts as close to 99 %."""
    majority: Share
    """Share of the images, ascents or attacks that a sentence about most of them asks for."""
    not_much_better: Factor
    """Ratio of two medians up to which the larger one is not much better."""
    slightly_larger: Annotated[Positive, Paper("0.35; section 7 and Figures 2 and 8")]
    """Linf threshold that would favour Binary ABS."""
    adversarial_training: Annotated[Positive, Paper("0.48; section 7")]
    """Mean L2 bound of Hein and Andriushchenko (2017)."""
