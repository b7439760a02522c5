"""A whole params.yaml: every key is known, and every block has the type that it names."""

from pathlib import Path
from typing import Any

from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.reader import read, read_tree
from analysis_by_synthesis.params.registry import attack_settings, model_config
from analysis_by_synthesis.pipeline.errors import UserError


def read_whole(blocks: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, AttackSettings]]:
    """Read all `blocks`, `models` and `attacks` among them, each as the type it is mapped to.

    Returns:
        the blocks, and the settings of each attack.

    Raises:
        UserError: a key is missing or unknown, or a value has the wrong type or is impossible.
    """
    values = dict(zip(blocks, read(blocks, path), strict=True))
    if unknown := read_tree(path).keys() - blocks.keys():
        raise UserError(f"{path} has the unknown key {min(unknown)}; remove or correct it.")
    for name, block in values["models"].items():
        model_config(block, f"models.{name}", path)
    return values, {name: attack_settings(f"attacks.{name}", block, path) for name, block in values["attacks"].items()}
