"""Table 1: median adversarial distance and accuracy at the threshold, per model and attack, beside the paper's."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES, NORMS
from analysis_by_synthesis.evaluation.results import Cell, Row, all_attacks
from analysis_by_synthesis.evaluation.statistics import median, share, withstood
from analysis_by_synthesis.params.registry import settings_type
from analysis_by_synthesis.params.report import (
    EVERYTHING,
    MODEL_LABELS,
    OF_THE_PAPER,
    WITH_ESTIMATED,
    ReportSettings,
)

AGREES, HIGHER, LOWER = "agrees", "ours higher", "ours lower"
PRINTED = {"l2": 0.05, "linf": 0.005, "l0": 0.0}  # half the last digit of the paper's medians; those of L0 are exact
PRINTED_SHARE = 0.005  # of its accuracies under attack
PRINTED_CLEAN = 0.0005  # of those on clean images
ROUNDING = 1e-9
ENDS = ("", "_low", "_high")  # of the columns of a statistic and its interval
FOUND = {"as_found": "found", "first_step": "first_step"}  # further medians, by the records' columns


def summarise(distances: np.ndarray, threshold: float) -> dict[str, float]:
    """Median and accuracy (share of distances above the threshold) of distances (N,), with their 95 % intervals."""
    row: dict[str, float] = {"n": len(distances)}
    estimates = {"median": median(distances), "accuracy": share(withstood(distances, threshold).sum(), len(distances))}
    for name, (value, low, high) in estimates.items():
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row


def _as_left(records: pd.DataFrame) -> dict[str, float]:
    """The medians of what an attack found, with their intervals, where the records have them."""
    row: dict[str, float] = {}
    for name, column in FOUND.items():
        estimate = median(records[column].to_numpy()) if column in records else (np.nan,) * 3
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), estimate))
    return row


def table1(
    cells: dict[Row, Cell], clean: dict[str, pd.DataFrame], settings: ReportSettings, paper: pd.DataFrame
) -> pd.DataFrame:
    """Table 1, a row per norm, attack and model, ordered as in the paper.

    Args:
        cells: of all attacks.
        clean: predictions on clean images, by model.
        paper: the paper's Table 1: norm, attack, model, median_distance, accuracy_at_threshold.

    Returns:
        norm, attack, model, n, median (but of attacks at one budget) and accuracy with their intervals, the paper's, for
        single attacks rejected (adversarials that the arbiter did not confirm), as_found and first_step (the medians of the
        records' found and first_step), and for several together attacks (their labels), and the verdict of each number that
        the paper has too.
    """
    rows: list[dict[str, Any]] = []
    for model, table in clean.items():
        wrong = np.where(table["label"] == table["predicted"], np.inf, 0.0)
        without = dict.fromkeys((f"median{end}" for end in ENDS), np.nan)
        rows.append({"norm": "clean", "attack": "Clean", "model": model} | summarise(wrong, 0.0) | without)
    for row, cell in cells.items():
        summary = summarise(cell.records[row.norm].to_numpy(), settings.thresholds[row.norm]) | _as_left(cell.records)
        if settings_type(cell.module).budget == "fixed":
            summary |= dict.fromkeys((f"{name}{end}" for name in ("median", *FOUND) for end in ENDS), np.nan)
        rows.append(row._asdict() | summary | {"rejected": int(cell.records["rejected"].sum())})
    for label, names in settings.all.rows().items():
        for row, (distances, attacks) in all_attacks(cells, names, label, settings.min_images).items():
            summary = summarise(distances.to_numpy(), settings.thresholds[row.norm])
            rows.append(row._asdict() | summary | {"attacks": "; ".join(attacks)})
    theirs = paper.rename(columns={"median_distance": "paper_median", "accuracy_at_threshold": "paper_accuracy"})
    table = pd.DataFrame(rows).merge(theirs, how="left", on=list(Row._fields))
    printed = table["norm"].map(PRINTED)
    for name in ("median", *FOUND):
        table[f"{name}_verdict"] = verdicts(table, name, table["paper_median"], printed)
    printed = table["norm"].eq("clean").map({True: PRINTED_CLEAN, False: PRINTED_SHARE})
    table["accuracy_verdict"] = verdicts(table, "accuracy", table["paper_accuracy"], printed)
    order = partial(_order, attacks=paper["attack"].unique())
    return table.astype({"rejected": "Int64"}).sort_values(
        list(Row._fields), key=order, kind="stable", ignore_index=True
    )


def _order(column: pd.Series, attacks: np.ndarray) -> pd.Series:
    """The paper's order of norms, attacks and models; attacks that it doesn't have come before the "All" rows."""
    if column.name == "norm":
        ranks: dict[str, int] = {name: rank for rank, name in enumerate(("clean", *NORMS))}
    elif column.name == "model":
        ranks = {model: rank for rank, model in enumerate(MODEL_LABELS)}
    else:
        single = [name for name in attacks if not name.startswith("All ")]
        together = [
            label.format(norm) for label in (OF_THE_PAPER, WITH_ESTIMATED, EVERYTHING) for norm in NORM_NAMES.values()
        ]
        others = [name for name in column.unique() if name not in {*single, *together}]
        ranks = {name: rank for rank, name in enumerate([*single, *others, *together])}
    return column.map(ranks)


def verdicts(table: pd.DataFrame, name: str, theirs: pd.Series, printed: pd.Series) -> pd.Series:
    """Whether the paper's numbers lie in our 95 % intervals.

    Args:
        name: of the column.
        theirs: the paper's numbers.
        printed: half the last digit of the paper's numbers.

    Returns:
        "agrees", "ours higher" or "ours lower"; nothing where the paper has no number.
    """
    low, high = table[f"{name}_low"], table[f"{name}_high"]
    slack = printed * (1 + ROUNDING) + ROUNDING * theirs.where(np.isfinite(theirs), 0.0)
    found = pd.Series(AGREES, index=table.index).mask(low > theirs + slack, HIGHER).mask(high < theirs - slack, LOWER)
    return found.where(theirs.notna() & low.notna())
