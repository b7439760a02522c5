"""Models by the name of their module."""

from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from analysis_by_synthesis.params import PARAMS_FILE, Block, faulty
from analysis_by_synthesis.pipeline.errors import UserError


def read_config(block: dict[str, Any], key: str = "", path: Path = PARAMS_FILE) -> Block:
    """The typed configuration of a model; its module stands in `block`.

    Args:
        key, path: where the block comes from, "models.abs" of params.yaml, or all of a model's config.json.

    Raises:
        UserError: there is no such model, or its configuration is not what it needs.
    """
    try:
        definition = import_module(f"{__package__}.{block['module']}")
    except (KeyError, ModuleNotFoundError):
        where = ".".join(filter(None, [key, "module"]))
        raise UserError(f"{path}: {where}: there is no model module {block.get('module')}; correct it.") from None
    try:
        config: Block = definition.Config(**block)
    except ValidationError as error:
        raise faulty(key, error, path) from None
    return config
