"""Table 1: median adversarial distance and accuracy at the threshold, per model and attack, beside the paper's."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.statistics import median, share
from analysis_by_synthesis.params.report import (
    EVERYTHING,
    MODEL_LABELS,
    OF_THE_PAPER,
    WITH_ESTIMATED,
    ReportSettings,
)
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.reporting.records import Cell, Row, all_attacks
from analysis_by_synthesis.reporting.style import NORM_NAMES

PAPER = Path("paper/table1.csv")


def summarise(distances: np.ndarray, threshold: float) -> dict[str, float]:
    """Median and accuracy (share of distances above the threshold) of distances (N,), with their 95 % intervals."""
    row: dict[str, float] = {"n": len(distances)}
    estimates = {"median": median(distances), "accuracy": share((distances > threshold).sum(), len(distances))}
    for name, (value, low, high) in estimates.items():
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row


def table1(cells: dict[Row, Cell], clean: dict[str, pd.DataFrame], settings: ReportSettings) -> pd.DataFrame:
    """Table 1, a row per norm, attack and model, ordered as in the paper.

    Args:
        cells: of all attacks.
        clean: predictions on clean images, by model.

    Returns:
        norm, attack, model, n, median and accuracy with their intervals, the paper's, for single attacks rejected
        (adversarials that the arbiter did not confirm), and for several together attacks (their labels).
    """
    rows = []
    for model, table in clean.items():
        wrong = np.where(table["label"] == table["predicted"], np.inf, 0.0)
        without = dict.fromkeys(("median", "median_low", "median_high"), np.nan)
        rows.append(Row("clean", "Clean", model)._asdict() | summarise(wrong, 0.0) | without)
    for row, cell in cells.items():
        summary = summarise(cell.records[row.norm].to_numpy(), settings.thresholds[row.norm])
        rows.append(row._asdict() | summary | {"rejected": int(cell.records["rejected"].sum())})
    for label, names in settings.all.rows().items():
        for row, (distances, attacks) in all_attacks(cells, names, label).items():
            summary = summarise(distances.to_numpy(), settings.thresholds[row.norm])
            rows.append(row._asdict() | summary | {"attacks": "; ".join(attacks)})
    table = pd.DataFrame(rows).merge(_paper(), how="left", on=list(Row._fields))
    return table.astype({"rejected": "Int64"}).sort_values(
        list(Row._fields), key=_order, kind="stable", ignore_index=True
    )


def _paper() -> pd.DataFrame:
    table = pd.read_csv(PAPER, index_col=list(Row._fields))
    return table.rename(columns={"median_distance": "paper_median", "accuracy_at_threshold": "paper_accuracy"})


def _order(column: pd.Series) -> pd.Series:
    """The paper's order of norms, attacks and models; attacks that it doesn't have come before the "All" rows."""
    if column.name == "norm":
        ranks = {norm: rank for rank, norm in enumerate(("clean", *NORMS))}
    elif column.name == "model":
        ranks = {model: rank for rank, model in enumerate(MODEL_LABELS)}
    else:
        attacks = _paper().index.get_level_values("attack").unique()
        single = [name for name in attacks if not name.startswith("All ")]
        together = [
            label.format(norm) for label in (OF_THE_PAPER, WITH_ESTIMATED, EVERYTHING) for norm in NORM_NAMES.values()
        ]
        others = [name for name in column.unique() if name not in {*single, *together}]
        ranks = {name: rank for rank, name in enumerate([*single, *others, *together])}
    return column.map(ranks)


def as_markdown(table: pd.DataFrame, recipe: str) -> str:
    """The table for people: a row per attack, a column per model, "ours (paper's)" as median / accuracy.

    Args:
        recipe: how our Madry et al. was trained.
    """
    lines = ["| | " + " | ".join(MODEL_LABELS.values()) + " |", "|---" * (len(MODEL_LABELS) + 1) + "|"]
    for (norm, attack), group in table.groupby(["norm", "attack"], sort=False):
        by_model = group.set_index("model")
        cells = [_cell(by_model.loc[model]) if model in by_model.index else "" for model in MODEL_LABELS]
        name = attack if norm == "clean" or attack.startswith("All") else f"{NORM_NAMES[norm]}: {attack}"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    notes = [
        "",
        "Median adversarial distance / accuracy at the threshold, ours (the paper's); – where the paper has no entry.",
        f"Our Madry et al. was trained by the recipe {recipe}, the paper's is the released one.",
        'Rows "All": each image\'s smallest distance over several attacks, on the n images that every one of them was given;',
        "which attacks they are, 95 % intervals and rejected adversarials are in table1.csv.",
    ]
    return "\n".join(lines + notes) + "\n"


def _cell(row: pd.Series) -> str:
    ours = _pair(row["median"], row["accuracy"])
    if pd.isna(row["paper_accuracy"]):
        return f"{ours} (–), n={row['n']}"
    return f"{ours} ({_pair(row['paper_median'], row['paper_accuracy'])}), n={row['n']}"


def _pair(distance: float, accuracy: float) -> str:
    share = f"{accuracy:.1%}" if pd.isna(distance) else f"{accuracy:.0%}"
    return share if pd.isna(distance) else f"{'∞' if np.isinf(distance) else f'{distance:.3g}'} / {share}"


def write_metrics(table: pd.DataFrame, directory: Path) -> None:
    """Per model, medians and accuracies as JSON, {norm: {attack: value}}; a median of infinity has no entry."""
    for model in MODEL_LABELS:
        own = table[table["model"] == model]
        for name in ("median", "accuracy"):
            finite = own[np.isfinite(own[name])]
            nested = {
                norm: {row["attack"]: round(row[name], 6) for _, row in group.iterrows()}
                for norm, group in finite.groupby("norm", sort=False)
            }
            write_json(directory / name / f"{model}.json", nested)
