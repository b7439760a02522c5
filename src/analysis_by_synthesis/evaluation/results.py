"""The records of all attack cells, by the row and column of Table 1 that they belong to."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES, Norm
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED, BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records


class Row(NamedTuple):
    """An entry of Table 1; attack is the label."""

    norm: Norm
    attack: str
    model: str


@dataclass(frozen=True)
class Cell:
    """One attack on one model.

    Attributes:
        attack: its block in params.yaml.
        module: that defines it.
        stem: of its files.
        records: by test image.
    """

    attack: str
    module: str
    stem: Path
    records: pd.DataFrame


def read_cells(
    project: Project, attacks: dict[str, AttackBlock], cells: Cells, models: Collection[str] | None = None
) -> dict[Row, Cell]:
    """All cells of a project with their records.

    Args:
        models: those of other models are left out; None if no model is.

    Raises:
        UserError: records are missing.
    """
    return {
        row: Cell(attack, module, stem, read_records(stem.with_suffix(".csv")))
        for row, attack, module, stem in _named(project, attacks, cells)
        if models is None or row.model in models
    }


def read_finished_cells(
    project: Project, attacks: dict[str, AttackBlock], cells: Cells
) -> tuple[dict[Row, Cell], dict[Row, str]]:
    """Those cells of a project that have records, and the attacks of the others."""
    finished, others = {}, {}
    for row, attack, module, stem in _named(project, attacks, cells):
        path = stem.with_suffix(".csv")
        if path.is_file():
            finished[row] = Cell(attack, module, stem, read_records(path))
        else:
            others[row] = attack
    return finished, others


def _named(project: Project, attacks: dict[str, AttackBlock], cells: Cells) -> Iterator[tuple[Row, str, str, Path]]:
    for model, attack in cells.attacks():
        block = attacks[attack]
        yield Row(block.norm, block.label, model), attack, block.module, project.attacks / f"{model}-{attack}"
    for model in cells.bounds.models:
        for norm in cells.bounds.norms:
            yield Row(norm, BOUND_GUIDED_LABEL, model), BOUND_GUIDED, BOUND_GUIDED, project.bounds / f"{model}-{norm}"


class Together(NamedTuple):
    """Several attacks on a model as one.

    Attributes:
        distances: of each image that all of them were given, the smallest.
        attacks: their labels.
    """

    distances: pd.Series
    attacks: list[str]


def attack_tables(
    cells: Mapping[Row, Cell], names: Collection[str], min_images: int
) -> dict[tuple[Norm, str], pd.DataFrame]:
    """Per norm and model, the distances of the attacks with these names, on the images that all of them were given.

    Args:
        names: blocks of params.yaml.
        min_images: a table of fewer images is left out.

    Returns:
        tables with a row per image and a column per attack, named by its label.
    """
    chosen: dict[tuple[Norm, str], dict[str, pd.Series]] = {}
    for row, cell in cells.items():
        if cell.attack in names:
            chosen.setdefault((row.norm, row.model), {})[row.attack] = cell.records[row.norm]
    tables = {key: pd.concat(columns, axis=1, join="inner") for key, columns in chosen.items()}
    return {key: table for key, table in tables.items() if len(table) >= min_images}


def all_attacks(cells: Mapping[Row, Cell], names: Collection[str], label: str, min_images: int) -> dict[Row, Together]:
    """Per norm and model, the attacks with these names together.

    Args:
        names: blocks of params.yaml.
        label: of the new rows, with {} for the norm.
        min_images: that all attacks of a row were given; a row of fewer is left out.
    """
    return {
        Row(norm, label.format(NORM_NAMES[norm]), model): Together(table.min(axis=1), list(table))
        for (norm, model), table in attack_tables(cells, names, min_images).items()
    }


def smallest_distances(cells: dict[Row, Cell], norm: Norm, model: str) -> pd.Series:
    """The smallest distance that any attack has found, of each image that any was given."""
    found = [cell.records[norm] for row, cell in cells.items() if (row.norm, row.model) == (norm, model)]
    return pd.concat(found, axis=1).min(axis=1) if found else pd.Series(dtype=float)
