"""The rows of Table 1, which are the blocks of `attacks`."""

from typing import Any

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.base import Block, Count


class AttackBlock(Block, extra="allow"):
    """A block of `attacks`: a row of Table 1, and the settings of its attack."""

    module: str
    """The module of `attacks` that defines the attack."""
    label: str
    """The row's name in tables."""
    norm: Norm
    """The metric of the row."""
    samples: Count
    """Number of test images that are attacked, of every model: the first ones of the order."""

    def settings(self) -> dict[str, Any]:
        """What the attack's own `Settings` are made of."""
        return {"norm": self.norm} | (self.model_extra or {})
