"""Attacks by the name of their module."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.settings import AttackBlock, AttackSettings
from analysis_by_synthesis.params import faulty
from analysis_by_synthesis.pipeline.errors import UserError

Attack = Callable[[Recorder, Tensor, Tensor, Any], dict[str, Tensor] | None]


def load_attack(key: str, block: AttackBlock) -> tuple[Attack, AttackSettings]:
    """The attack that a block of params.yaml names, and its typed settings.

    Args:
        key: of the block, "attacks.fgm".

    Raises:
        UserError: there is no such attack, or its settings are not what it needs.
    """
    try:
        module = import_module(f"{__package__}.{block.module}")
    except ModuleNotFoundError as error:
        if error.name != f"{__package__}.{block.module}":
            raise
        raise UserError(f"params.yaml: {key}.module: there is no attack module {block.module}; correct it.") from None
    try:
        return module.attack, module.Settings(**block.settings())
    except ValidationError as error:
        raise faulty(key, error) from None
