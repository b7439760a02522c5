"""The block `report`: what tables and figures show."""

from typing import Annotated

from pydantic import Field, field_validator

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.params.base import Block, Growth, Positive, Share

MODEL_LABELS = {
    "cnn": "CNN",
    "binary_cnn": "Binary CNN",
    "nearest_neighbor": "Nearest Neighbor",
    "madry": "Madry et al.",
    "binary_abs": "Binary ABS",
    "abs": "ABS",
}
OF_THE_PAPER = "All {} Attacks"
WITH_ESTIMATED = "All {} Attacks, with estimated gradients"
EVERYTHING = "All {} Attacks, ours too"


class FlagSettings(Block):
    """Args: factor: between two medians that counts as a difference; share: of samples that counts as some."""

    factor: Annotated[float, Field(ge=1)]
    share: Share


class AllRows(Block):
    """Blocks of `attacks` that are taken together. Args: paper: its attacks, with exact gradients in place of estimated ones;
    estimated: those with estimated gradients; ours: those that the paper doesn't have, bound_guided among them."""

    paper: list[str]
    estimated: list[str]
    ours: list[str]

    def rows(self) -> dict[str, list[str]]:
        """The attacks of each row, by its label with {} for the norm."""
        return {
            OF_THE_PAPER: self.paper,
            WITH_ESTIMATED: self.paper + self.estimated,
            EVERYTHING: self.paper + self.ours,
        }


class ReportSettings(Block):
    """Args: thresholds: of the accuracy, per norm; disagreement: factor between our median and the paper's that needs an
    explanation; disproved: share of itself by which a bound has to fall to count as disproved; flags: when they are raised;
    all: which attacks the rows "All" take together."""

    thresholds: dict[Norm, Positive]
    disagreement: Growth
    disproved: Share
    flags: FlagSettings
    all: AllRows

    @field_validator("thresholds")
    @classmethod
    def _of_all_norms(cls, thresholds: dict[Norm, float]) -> dict[Norm, float]:
        if missing := set(NORMS) - set(thresholds):
            raise ValueError(f"there has to be a threshold for {', '.join(sorted(missing))}")
        return thresholds
