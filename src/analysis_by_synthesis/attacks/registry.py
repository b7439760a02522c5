"""Attacks by the name of their module."""

from importlib import import_module
from pathlib import Path

from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.registry import attack_settings


def load_attack(key: str, block: AttackBlock, path: Path) -> Attack[AttackSettings]:
    """The attack that a block of params.yaml names.

    Args:
        key, path: where the block comes from, "attacks.fgm" of params.yaml.

    Raises:
        UserError: there is no such attack, or its settings are not what it needs.
    """
    settings = attack_settings(key, block, path)
    attack: Attack[AttackSettings] = import_module(f"{__package__}.{block.module}").Attack(settings)
    return attack
