"""The records of all attack cells, by the row and column of Table 1 that they belong to."""

from typing import NamedTuple

import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.files import ATTACKS, read_records
from analysis_by_synthesis.params import Block, Count
from analysis_by_synthesis.reporting.style import NORM_NAMES
from analysis_by_synthesis.stage import Problem


class Cell(Block):
    """One attack on one model. Args: module: of the attack's code; samples: the first so many test images."""

    model: str
    attack: str
    module: str
    samples: Count


class LabelledAttack(AttackSettings, extra="ignore"):
    """Of an attack's parameters, those that name its row."""


class Row(NamedTuple):
    """An entry of Table 1; attack is the label."""

    norm: Norm
    attack: str
    model: str


def read_cells(
    attacks: dict[str, LabelledAttack], cells: dict[str, dict[str, Cell]]
) -> tuple[dict[Row, pd.DataFrame], dict[Row, Cell]]:
    """The records of every cell, a row per sample, and the cells themselves.

    Raises:
        Problem: records are missing, or two cells belong to the same entry of the table.
    """
    records, cell_of = {}, {}
    for name, cell in (item for group in cells.values() for item in group.items()):
        attack = attacks[cell.attack]
        row = Row(attack.norm, attack.label, cell.model)
        if row in records:
            raise Problem(f"two attacks of {cell.model} have the norm and label of attacks.{cell.attack}; rename one.")
        records[row], cell_of[row] = read_records(ATTACKS / f"{name}.csv"), cell
    return records, cell_of


def all_attacks(distances: dict[Row, pd.Series], label: str = "All {} Attacks") -> dict[Row, pd.Series]:
    """Per norm and model, each sample's smallest distance over the attacks; not every sample was given to all of them."""
    together: dict[Row, list[pd.Series]] = {}
    for (norm, _, model), values in distances.items():
        together.setdefault(Row(norm, label.format(NORM_NAMES[norm]), model), []).append(values)
    return {row: pd.concat(several, axis=1).min(axis=1) for row, several in together.items()}
