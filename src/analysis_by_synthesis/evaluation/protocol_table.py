"""Table 1 by the arbiter and by the paper's own search, side by side."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import torch

from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table1 import ENDS, FOUND, table1
from analysis_by_synthesis.params.report import ReportSettings

JUDGES = ("arbiter", "protocol")


def table_of_both(
    cells: Mapping[Row, Cell],
    lengthened: Mapping[str, pd.DataFrame],
    clean: Mapping[str, pd.DataFrame],
    settings: ReportSettings,
    paper: pd.DataFrame,
) -> pd.DataFrame:
    """Table 1's columns of these models by both judges, on the same images.

    An image that the paper's search gets wrong as it is has the distance 0. One that only the arbiter gets wrong has never been
    attacked, and is left out.

    Args:
        cells: with the arbiter's records.
        lengthened: by model: attack (its block of params.yaml), norm, image and distance (inf where there is none).
        clean: by model, for each clean image, the attacked ones among them: label, and its class by `protocol` and by `arbiter`,
            nan where that isn't known; then the image doesn't count in the row "Clean".
        settings, paper: as of evaluation.table1.

    Returns:
        norm, attack, model, paper_median, paper_accuracy; n, median and accuracy with their intervals and verdicts for each
        judge; refused: adversarials of the arbiter that the protocol classifies right, however long.
    """
    both: dict[str, dict[Row, Cell]] = {judge: {} for judge in JUDGES}
    refused: dict[Row, int] = {}
    for row, cell in cells.items():
        table = lengthened[row.model]
        found = table[(table["attack"] == cell.attack) & (table["norm"] == row.norm)].set_index("image")["distance"]
        by_protocol = clean[row.model]["protocol"].reindex(found.index)
        records = cell.records.loc[found.index]
        wrong = by_protocol != records["label"]
        known = records["clean_correct"] | wrong
        distances = {"arbiter": records[row.norm], "protocol": found.mask(wrong, 0.0)}
        for judge in JUDGES:
            both[judge][row] = replace(cell, records=records.assign(**{row.norm: distances[judge]})[known])
        arbiters, protocols = (both[judge][row].records[row.norm] for judge in JUDGES)
        refused[row] = int((arbiters.lt(torch.inf) & protocols.eq(torch.inf)).sum())
    keys = list(Row._fields)
    shared = [*keys, "paper_median", "paper_accuracy"]
    known_to_both = {model: table.dropna() for model, table in clean.items() if table.notna().all(axis=1).any()}
    own = ["rejected", "attacks", *(f"{name}{end}" for name in FOUND for end in (*ENDS, "_verdict"))]  # the arbiter's
    sides = []
    for judge in JUDGES:
        predicted = {model: table.assign(predicted=table[judge]) for model, table in known_to_both.items()}
        table = table1(both[judge], predicted, settings, paper).drop(columns=own, errors="ignore")
        sides.append(table.set_index(shared).add_prefix(f"{judge}_"))
    joined = sides[0].join(sides[1]).reset_index()
    rows = pd.MultiIndex.from_frame(joined[keys])
    return joined.assign(refused=pd.Series(rows.map(refused), dtype="Int64"))
