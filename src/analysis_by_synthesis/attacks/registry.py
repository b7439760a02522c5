"""Attacks by the name of their module."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.cells import AttackBlock
from analysis_by_synthesis.params.registry import attack_settings

Attack = Callable[[Recorder, Tensor, Tensor, Any], dict[str, Tensor] | None]


def load_attack(key: str, block: AttackBlock, path: Path) -> tuple[Attack, AttackSettings]:
    """The attack that a block of params.yaml names, and its typed settings.

    Args:
        key, path: where the block comes from, "attacks.fgm" of params.yaml.

    Raises:
        UserError: there is no such attack, or its settings are not what it needs.
    """
    settings = attack_settings(key, block, path)
    attack: Attack = import_module(f"{__package__}.{block.module}").attack
    return attack, settings
