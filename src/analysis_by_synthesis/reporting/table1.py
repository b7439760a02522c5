"""Table 1: median adversarial distance and accuracy at the threshold, per model and attack, beside the paper's."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.params import Block, Count, Positive
from analysis_by_synthesis.reporting.style import MODEL_LABELS, NORM_NAMES

PAPER = Path("paper/table1.csv")


class Cell(Block):
    """One attack on one model. Args: module: of the attack's code; samples: the first so many test images."""

    model: str
    attack: str
    module: str
    samples: Count


class ReportSettings(Block):
    """Args: bootstrap: resamplings for the 95 % intervals; thresholds: of the accuracy, per norm."""

    bootstrap: Count
    thresholds: dict[Norm, Positive]


def smallest_distances(distances: list[pd.Series], join: Literal["inner", "outer"] = "inner") -> pd.Series:
    """Per sample, the smallest distance over several attacks; of the samples that all of them ("inner") or any had."""
    return pd.concat(distances, axis=1, join=join).min(axis=1)


def all_attacks(distances: dict[tuple[str, str, str], pd.Series]) -> dict[tuple[str, str, str], pd.Series]:
    """The rows "All ... Attacks" for distances by (norm, attack label, model)."""
    together: dict[tuple[str, str, str], list[pd.Series]] = {}
    for (norm, _, model), values in distances.items():
        together.setdefault((norm, f"All {NORM_NAMES[norm]} Attacks", model), []).append(values)
    return {key: smallest_distances(values) for key, values in together.items()}


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


def table1(
    distances: dict[tuple[str, str, str], pd.Series],
    clean: dict[str, pd.DataFrame],
    settings: ReportSettings,
    seed: int,
) -> pd.DataFrame:
    """Table 1, a row per norm, attack and model, ordered as in the paper.

    Args:
        distances: by (norm, attack label, model), each indexed by sample.
        clean: predictions on clean images, by model.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for model, table in clean.items():
        wrong = np.where(table["label"] == table["predicted"], np.inf, 0.0)
        summary = summarise(wrong, 0.0, settings.bootstrap, generator)
        for name in ("median", "median_low", "median_high"):
            summary[name] = np.nan
        rows.append({"norm": "clean", "attack": "Clean", "model": model} | summary)
    for (norm, attack, model), values in (distances | all_attacks(distances)).items():
        summary = summarise(values.to_numpy(), settings.thresholds[norm], settings.bootstrap, generator)
        rows.append({"norm": norm, "attack": attack, "model": model} | summary)
    paper = pd.read_csv(PAPER).rename(
        columns={"median_distance": "paper_median", "accuracy_at_threshold": "paper_accuracy"}
    )
    table = pd.DataFrame(rows).merge(paper, how="left", on=["norm", "attack", "model"])
    return table.sort_values(["norm", "attack", "model"], key=_order, kind="stable", ignore_index=True)


def _order(column: pd.Series) -> pd.Series:
    """The paper's order of norms, attacks and models; attacks that it doesn't have come before the "All" row."""
    if column.name == "norm":
        ranks = {norm: rank for rank, norm in enumerate(("clean", *NORMS))}
    elif column.name == "model":
        ranks = {model: rank for rank, model in enumerate(MODEL_LABELS)}
    else:
        attacks = [name for name in pd.read_csv(PAPER)["attack"].unique() if not name.startswith("All ")]
        ranks = {name: rank for rank, name in enumerate(attacks)}
    return column.map(lambda name: ranks.get(name, 1000 if name.startswith("All ") else 999))


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
        'Our "All" rows cover the attacks above them; the paper\'s cover all of its own. 95 % intervals are in table1.csv.',
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
