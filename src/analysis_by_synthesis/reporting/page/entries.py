"""Table 1 as the page shows it: an entry has what is seen, and its details."""

from typing import Any

import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.table1 import AGREES, HIGHER, LOWER
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS
from analysis_by_synthesis.reporting.numbers import distance, number, share

VERDICTS = {AGREES: "close", LOWER: "stronger", HIGHER: "weaker"}  # the smaller median is that of the stronger attack


def groups(table: pd.DataFrame, thresholds: dict[Norm, float]) -> list[dict[str, Any]]:
    """The rows of each norm; those of clean images have no symbol.

    Args:
        table: as metrics/table1.csv has it.
    """
    found = []
    for norm, of_norm in table.groupby("norm", sort=False):
        rows = []
        for place, (attack, group) in enumerate(of_norm.groupby("attack", sort=False)):
            entries = {entry["model"]: _entry(entry, thresholds) for entry in group.astype(object).to_dict("records")}
            rows.append({
                "attack": attack, "place": place, "together": attack.startswith("All "),
                "entries": [entries.get(model) for model in MODEL_LABELS],
            })  # fmt: skip
        found.append({"norm": norm, "symbol": NORM_SYMBOLS.get(norm), "rows": rows})
    return found


def _entry(entry: dict[str, Any], thresholds: dict[Norm, float]) -> dict[str, Any]:
    verdict = VERDICTS.get(entry["median_verdict"], "alone")
    return entry | {"verdict": verdict, "details": "\n".join(_details(entry, thresholds))}


def _details(entry: dict[str, Any], thresholds: dict[Norm, float]) -> list[str]:
    low, high = entry["accuracy_low"], entry["accuracy_high"]
    digits = 1 if entry["norm"] == "clean" else 0
    lines = [f"{entry['attack']}, {MODEL_LABELS[entry['model']]}", f"n = {entry['n']:,} test images"]
    if entry["norm"] == "clean":
        lines.append(f"accuracy {share(entry['accuracy'], 2)}, 95 % interval {share(low, 2)} to {share(high, 2)}")
    else:
        median, *interval = (distance(entry[name], entry["norm"]) for name in ("median", "median_low", "median_high"))
        lines.append(f"median {median}, 95 % interval {' to '.join(interval)}")
        at = f"{NORM_SYMBOLS[entry['norm']]} {number(thresholds[entry['norm']])}"
        lines.append(f"accuracy at {at}: {share(entry['accuracy'])}, 95 % interval {share(low)} to {share(high)}")
    if pd.notna(entry["paper_accuracy"]):
        median = "" if pd.isna(entry["paper_median"]) else f"median {number(entry['paper_median'])}, "
        lines.append(f"paper: {median}accuracy {share(entry['paper_accuracy'], digits)}")
    if pd.notna(entry["rejected"]) and entry["rejected"]:
        lines.append(f"not confirmed by the arbiter, so not counted: adversarials of {entry['rejected']} images")
    if pd.notna(entry["attacks"]):
        lines.append(f"the closest of {entry['attacks'].replace(';', ',')}")
    return lines
