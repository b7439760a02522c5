"""The rows of Table 1, which are the blocks of `attacks`, and its cells: which attacks are run on which models."""

from typing import Any

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.base import Block, Count


class AttackBlock(Block, extra="allow"):
    """A block of `attacks`: a row of Table 1, and the settings of the attack.

    Args:
        module: of the package `attacks`, that defines the attack.
        label: of the row.
        norm: of the row.
        samples: that are attacked, of every model, the first so many in the order of all experiments.
    """

    module: str
    label: str
    norm: Norm
    samples: Count

    def settings(self) -> dict[str, Any]:
        """What the attack's own `Settings` are made of."""
        return {"norm": self.norm} | (self.model_extra or {})


class AttackList(Block):
    """Every attack of a list, on every model of another."""

    models: list[str]
    attacks: list[str]


class BoundsList(Block):
    """Bounds on the robustness of every model of a list, in every norm of another."""

    models: list[str]
    norms: list[Norm]


class Cells(Block):
    """Which attacks are run on which models, by the stage that runs them."""

    attack: AttackList
    attack_latents: AttackList
    transfer: AttackList
    bounds: BoundsList

    def attacks(self) -> list[tuple[str, str]]:
        """Model and attack of all cells."""
        lists = (self.attack, self.attack_latents, self.transfer)
        return [(model, attack) for each in lists for model in each.models for attack in each.attacks]
