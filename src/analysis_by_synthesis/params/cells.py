"""The cells of Table 1: which attacks are run on which models."""

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.base import Block


class AttackList(Block):
    """Every attack of a list, on every model of another."""

    models: list[str]
    """Blocks of `models`."""
    attacks: list[str]
    """Blocks of `attacks`."""


class BoundsList(Block):
    """Bounds on the robustness of every model of a list, in every norm of another."""

    models: list[str]
    """Blocks of `models`."""
    norms: list[Norm]
    """l2, linf or l0."""


class Cells(Block):
    """Which attacks are run on which models, by the stage that runs them."""

    attack: AttackList
    """Attacks that need nothing but the model."""
    attack_latents: AttackList
    """Attacks that see the latents of the model."""
    attack_networks: AttackList
    """Attacks on plain networks alone."""
    attack_fast: AttackList = AttackList(models=[], attacks=[])
    """Attacks of too many queries for models that search."""
    attack_amortised: AttackList = AttackList(models=[], attacks=[])
    """Attacks on the model without a search."""
    transfer: AttackList
    """Attacks that need the substitute too."""
    bounds: BoundsList
    """Lower bounds, and the adversarials that they lead to."""

    def attacks(self) -> list[tuple[str, str]]:
        """Model and attack of all cells."""
        lists = (
            self.attack, self.attack_latents, self.attack_networks, self.attack_fast, self.attack_amortised,
            self.transfer,
        )  # fmt: skip
        return [(model, attack) for each in lists for model in each.models for attack in each.attacks]
