"""Table 1: median adversarial distance and accuracy at the threshold, per model and attack, beside the paper's."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.params import Block, Count, Positive
from analysis_by_synthesis.reporting.flags import FlagSettings
from analysis_by_synthesis.reporting.records import Row, all_attacks
from analysis_by_synthesis.reporting.style import MODEL_LABELS, NORM_NAMES

PAPER = Path("paper/table1.csv")
OF_THE_PAPER, EVERYTHING = "All {} Attacks", "All {} Attacks, ours too"


class ReportSettings(Block):
    """Args: bootstrap: resamplings for the 95 % intervals; thresholds: of the accuracy, per norm; disagreement: factor
    between our median and the paper's that needs an explanation; flags: when they are raised."""

    bootstrap: Count
    thresholds: dict[Norm, Positive]
    disagreement: Annotated[float, Field(gt=1)]
    flags: FlagSettings


def summarise(distances: np.ndarray, threshold: float, bootstrap: int, generator: np.random.Generator) -> dict:
    """Median and accuracy (share of distances above the threshold) of distances (N,), with 95 % bootstrap intervals."""
    resampled = distances[generator.integers(len(distances), size=(bootstrap, len(distances)))]
    row = {"n": len(distances)}
    for name, statistic in (("median", median), ("accuracy", lambda d: (d > threshold).mean(-1))):
        low, high = np.quantile(statistic(resampled), [0.025, 0.975], method="nearest")
        row |= {name: statistic(distances), f"{name}_low": low, f"{name}_high": high}
    return row


def median(distances: np.ndarray) -> np.ndarray:
    """The median over the last axis; inf counts as a distance, the mean of two middle values with inf is inf."""
    return np.median(distances, axis=-1)


def of_the_paper(distances: dict[Row, pd.Series]) -> dict[Row, pd.Series]:
    """The distances of the attacks that the paper has for a model."""
    rows = set(_paper().index)
    return {row: values for row, values in distances.items() if row in rows}


def table1(
    records: dict[Row, pd.DataFrame], clean: dict[str, pd.DataFrame], settings: ReportSettings, seed: int
) -> pd.DataFrame:
    """Table 1, a row per norm, attack and model, ordered as in the paper.

    Args:
        records: of the attack cells, a row per sample.
        clean: predictions on clean images, by model.

    Returns:
        norm, attack, model, n, median and accuracy with their intervals, the paper's, and for single attacks rejected
        (adversarials that the arbiter did not confirm) and seconds (per sample).
    """
    generator = np.random.default_rng(seed)
    rows = []
    for model, table in clean.items():
        wrong = np.where(table["label"] == table["predicted"], np.inf, 0.0)
        summary = summarise(wrong, 0.0, settings.bootstrap, generator)
        for name in ("median", "median_low", "median_high"):
            summary[name] = np.nan
        rows.append(Row("clean", "Clean", model)._asdict() | summary)
    distances = {row: table[row.norm] for row, table in records.items()}
    together = all_attacks(of_the_paper(distances), OF_THE_PAPER) | all_attacks(distances, EVERYTHING)
    for row, values in (distances | together).items():
        rows.append(row._asdict() | summarise(values.to_numpy(), settings.thresholds[row.norm], settings.bootstrap, generator))
        if row in records:
            rows[-1] |= {"rejected": int(records[row]["rejected"].sum()), "seconds": records[row]["seconds"].mean()}
    table = pd.DataFrame(rows).merge(_paper(), how="left", on=list(Row._fields))
    return table.astype({"rejected": "Int64"}).sort_values(list(Row._fields), key=_order, kind="stable", ignore_index=True)


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
        together = [label.format(norm) for label in (OF_THE_PAPER, EVERYTHING) for norm in NORM_NAMES.values()]
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
        'Rows "All": each sample\'s smallest distance over the attacks that the paper has for the model, and over ours too;',
        "not every attack was given all samples. 95 % intervals, rejected adversarials and seconds are in table1.csv.",
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
