"""What released/params.yaml says beside the blocks that it shares with params.yaml."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.base import Block, Count, Positive
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.check import WrongError, check_cells, check_rows
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.data import Sha256
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.paper_bounds import PaperBoundsSettings
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.params.whole import read_whole
from analysis_by_synthesis.pipeline.errors import UserError


class Download(Block):
    """The block `released`: where the authors' networks come from."""

    timeout_seconds: Positive
    """How long the server may stay silent."""
    url: str
    """Of the folder that holds them, at one commit."""
    sha256: Annotated[dict[str, Sha256], Field(min_length=1)]
    """Of each file, by its path below that folder."""


class Released(Block):
    """A model of the block `compared`."""

    label: str
    """Its name in tables."""
    paper: str
    """The model of the paper that it is compared with."""


BLOCKS: dict[str, Any] = {
    "seed": int,
    "order": int,
    "released": Download,
    "models": dict[str, dict[str, Any]],
    "compared": dict[str, Released],
    "class_scalars": ClassScalars,
    "clean_images": Count,
    "paper_bounds": PaperBoundsSettings,
    "bounds": BoundsSettings,
    "evaluation": Evaluation,
    "attacks": dict[str, AttackBlock],
    "cells": Cells,
    "report": ReportSettings,
}


def check(path: Path) -> None:
    """Check released/params.yaml: all keys and values, and whether its blocks fit together.

    Raises:
        UserError: what is wrong first.
    """
    values, settings = read_whole(BLOCKS, path)
    try:
        check_rows(values["attacks"])
        check_cells(values, settings)
    except WrongError as wrong:
        raise UserError(f"{path}: {wrong}") from None
    for model in values["cells"].attack.models:
        if model not in values["compared"]:
            raise UserError(f"{path}: compared has no {model}, which tables show; add it.")
