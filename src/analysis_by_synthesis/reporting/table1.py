"""Table 1 for people, as Markdown, and for `dvc metrics`, as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES, NORMS, Norm
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.params.report import EVERYTHING, MODEL_LABELS, OF_THE_PAPER, WITH_ESTIMATED
from analysis_by_synthesis.pipeline.files import write_json


def table_as_markdown(table: pd.DataFrame, recipe: str) -> str:
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
    return share if pd.isna(distance) else f"{_number(distance)} / {share}"


def _number(distance: float) -> str:
    return "∞" if np.isinf(distance) else f"{distance:.3g}"


TOGETHER = {OF_THE_PAPER: "all", WITH_ESTIMATED: "all_estimated", EVERYTHING: "all_ours"}
NUMBERS = {"median": "median_lower", "accuracy": "certified_accuracy"}  # of attacks, and of bounds


def write_metrics(
    table: pd.DataFrame,
    cells: Mapping[Row, Cell],
    bounds: Mapping[str, Mapping[Norm, Mapping[str, Any]]],
    directory: Path,
) -> None:
    """Medians and accuracies for `dvc metrics`, a small file per norm and attack: {model: number}.

    They are called median/l2/fgm.json, after the attack's block in params.yaml; `all`, `all_estimated` and `all_ours` are
    several attacks together, `lower_bound` is what the bounds say. A median of infinity has no entry.

    Args:
        cells: all attacks.
        bounds: numbers by model and norm.
    """
    names = {(row.norm, row.attack): cell.attack for row, cell in cells.items()}
    names |= {(norm, label.format(NORM_NAMES[norm])): name for label, name in TOGETHER.items() for norm in NORMS}
    for number, of_bounds in NUMBERS.items():
        for (norm, attack), group in table[np.isfinite(table[number])].groupby(["norm", "attack"]):
            if (norm, attack) in names:
                by_model = group.set_index("model")[number].round(6).to_dict()
                write_json(directory / number / norm / f"{names[norm, attack]}.json", by_model)
        for norm in NORMS:
            said = {model: norms.get(norm, {}).get(of_bounds) for model, norms in bounds.items()}
            if lower := {model: value for model, value in said.items() if value is not None}:
                write_json(directory / number / norm / "lower_bound.json", lower)
