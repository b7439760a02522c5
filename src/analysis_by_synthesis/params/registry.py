"""The settings of attacks and models, whose classes are found by the name of their module."""

from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.reader import faulty
from analysis_by_synthesis.pipeline.errors import UserError


def attack_settings(key: str, block: AttackBlock, path: Path) -> AttackSettings:
    """The typed settings of the attack that a block of params.yaml names.

    Args:
        key, path: where the block comes from, "attacks.fgm" of params.yaml.

    Raises:
        UserError: there is no such attack, or its settings are not what it needs.
    """
    settings: AttackSettings = _build("attacks", "Settings", block.module, block.settings(), key, path)
    return settings


def settings_type(module: str) -> type[AttackSettings]:
    """The class of an attack's settings, which says what the attack is.

    Args:
        module: of the attack, "fast_gradient".
    """
    found: type[AttackSettings] = _class("attacks", "Settings", module)
    return found


def config_type(module: str) -> type[Block]:
    """The class of a model's configuration.

    Args:
        module: of the model, "nearest_neighbor".
    """
    found: type[Block] = _class("models", "Config", module)
    return found


def model_config(block: dict[str, Any], key: str, path: Path) -> Block:
    """The typed configuration of a model; its module stands in `block`.

    Args:
        key, path: where the block comes from, "models.abs" of params.yaml, or "", all of a model's config.json.

    Raises:
        UserError: there is no such model, or its configuration is not what it needs.
    """
    config: Block = _build("models", "Config", block.get("module"), block, key, path)
    return config


def _build(kind: str, name: str, module: str | None, values: dict[str, Any], key: str, path: Path) -> Any:
    found = _class(kind, name, module)
    if found is None:
        where = ".".join(filter(None, [key, "module"]))
        raise UserError(f"{path}: {where}: there is no {kind[:-1]} module {module}; correct it.")
    try:
        return found(**values)
    except ValidationError as error:
        raise faulty(key, error, path) from None


def _class(kind: str, name: str, module: str | None) -> Any:
    """The class of this name in a module of `params.attacks` or `params.models`; None if there is no such module."""
    full = f"{__package__}.{kind}.{module}"
    try:
        return vars(import_module(full)).get(name)
    except ModuleNotFoundError as error:
        if not full.startswith(str(error.name)):  # but one that it imports
            raise
        return None
