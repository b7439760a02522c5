"""The block `report`: what tables and figures show."""

from typing import Annotated

from pydantic import Field, field_validator

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.params.base import Block, Count, Factor, Paper, Positive, Share

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
    """When an attack is flagged as too weak (evaluation.flags)."""

    factor: Annotated[float, Field(ge=1)]
    """Factor between two medians that counts as a difference."""
    share: Share
    """Share of the samples that counts as some."""


class AllRows(Block):
    """Blocks of `attacks` that the rows "All" take together."""

    paper: list[str]
    """The paper's attacks, with exact gradients in place of estimated ones."""
    estimated: list[str]
    """Its attacks with estimated gradients."""
    ours: list[str]
    """Attacks that the paper doesn't have, bound_guided among them."""

    def rows(self) -> dict[str, list[str]]:
        """The attacks of each row, by its label with {} for the norm."""
        return {
            OF_THE_PAPER: self.paper,
            WITH_ESTIMATED: self.paper + self.estimated,
            EVERYTHING: self.paper + self.ours,
        }


class ReportSettings(Block):
    """What Table 1 and the figures compare."""

    thresholds: Annotated[dict[Norm, Positive], Paper("1.5, 0.3, 12; Table 1")]
    """Distance, per norm, at which the accuracy is read."""
    disagreement: Factor
    """Factor between our median and the paper's that needs an explanation."""
    disproved: Share
    """Share of itself by which a bound has to fall to count as disproved."""
    flags: FlagSettings
    """When an attack is flagged."""
    all: AllRows
    """Which attacks the rows "All" take together."""
    min_images: Count
    """Least number of images that all attacks of such a row were given. With fewer it stays empty."""

    @field_validator("thresholds")
    @classmethod
    def _of_all_norms(cls, thresholds: dict[Norm, float]) -> dict[Norm, float]:
        if missing := set(NORMS) - set(thresholds):
            raise ValueError(f"there has to be a threshold for {', '.join(sorted(missing))}")
        return thresholds
