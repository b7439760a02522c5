"""The sections of the page below Table 1, each a table with a title and a text, from a file of metrics/."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.control import STATISTICS
from analysis_by_synthesis.evaluation.protocol_table import JUDGES
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting import control as tables
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS
from analysis_by_synthesis.reporting.numbers import UNKNOWN, distance, number, share

BESIDE_BOUNDS = {"paper": "the paper's bounds", "searches": "check of the bounds"}
OF_A_MODEL = {"attacks": "attacks on ", "bounds": "bounds of "}  # results that are counted for each model


def control(path: Path) -> Iterator[dict[str, Any]]:
    """The section on the authors' own networks, from metrics/control.csv; none where that is missing."""
    if path.is_file():
        table = pd.read_csv(path, dtype={"authors_n": "Int64", "ours_n": "Int64"})
        recorded = table[table["authors_n"].notna()]
        counted = (f"{name.capitalize()}: {tables.counts(recorded, name)}." for name in STATISTICS)
        rows = [
            {"Model": label} | row
            for label, group in recorded.groupby("label", sort=False)
            for row in tables.rows(group)
        ]
        note = "What has no record of the authors' networks is in metrics/control.md."
        text = " ".join([tables.TEXT, *counted, note])
        yield {"id": "control", "title": "The authors' own networks", "text": text, "rows": rows}


def claims(table: pd.DataFrame) -> dict[str, Any]:
    """The section on what the paper says in words, from metrics/claims.csv."""
    rows = [
        {
            "The paper": f"“{row.claim}” ({row.where})",
            "Verdict": row.verdict,
            "by": f"{row.evidence}, n = {row.n:,}" if row.n else f"{row.evidence}: no such attack, or too few images",
            "Statistic": row.statistic,
            "Value": UNKNOWN
            if np.isnan(row.value)
            else f"{number(row.value)} ({number(row.low)} to {number(row.high)})",
            "Has to be": f"above {number(row.above)}"
            if np.isinf(row.below)
            else f"{number(row.above)} to {number(row.below)}",
        }
        for row in table.itertuples()
    ]
    counts = table[table["evidence"] != "ours too"]["verdict"].value_counts()
    text = (
        "Each sentence with the statistic that would show it and its 95 % interval. It holds where the whole interval lies where it has"
        " to, does not hold where it lies outside, and is open in between or with too few images. A number that the paper"
        " prints holds where the intervals meet. By the paper's attacks, by the models alone, or by the closest adversarials of all:"
        f" {'; '.join(f'{name}: {count}' for name, count in counts.items())}."
    )
    return {"id": "claims", "title": "What the paper claims", "text": text, "rows": rows}


def paper_bounds(table: pd.DataFrame) -> dict[str, Any]:
    """The section on the paper's own bounds, from metrics/paper_bounds.csv."""
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "bound": f"{row['variant']} ({NORM_SYMBOLS[row['norm']]})",
            "n": f"{number(row['images'])}, {row['seeds']} seeds",
            "value": f"{row['statistic']} {number(row['value'])} ({number(row['low'])} to {number(row['high'])})",
            "search error": number(row["search_error"], 1),
            "paper": f"{number(row['paper_low'])} to {number(row['paper_high'])}",
            "intervals meet": "yes" if row["meets"] else "no",
        }
        for row in table.to_dict("records")
    ]
    text = (
        "The paper's bounds as it may have computed them. The interval (95 %) is over images, the search error the standard deviation"
        " over seeds of the search. Without the prior in D_y, or with d at latents that the prior has drawn to the origin, they are no bounds."
    )
    return {"id": "paper-bounds", "title": "The paper's bounds", "text": text, "rows": rows}


def protocol(table: pd.DataFrame) -> dict[str, Any]:
    """The section on Table 1 by the paper's own search, from metrics/protocol.csv: what the paper has a number of."""
    printed = table[table["paper_accuracy"].notna()]
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "attack": row["attack"] if row["norm"] == "clean" else f"{row['attack']} ({NORM_SYMBOLS[row['norm']]})",
            "n": number(row["arbiter_n"]),
            **{f"median, {judge}": distance(row[f"{judge}_median"], row["norm"]) for judge in JUDGES},
            "median, paper": distance(row["paper_median"], row["norm"]),
            **{f"accuracy, {judge}": share(row[f"{judge}_accuracy"]) for judge in JUDGES},
            "accuracy, paper": share(row["paper_accuracy"]),
            "refused": UNKNOWN if pd.isna(row["refused"]) else number(row["refused"]),
        }
        for row in printed.sort_values("model", kind="stable").to_dict("records")
    ]
    text = (
        "The paper evaluated its own search, 50 steps of Adam, which may miss the adversarial's class. Here each"
        " adversarial of ABS is lengthened, up to the end of every pixel's range, until that search sees another class too."
        " Refused are those of the arbiter that it still gets right. No length changes what Binary ABS sees, so that its"
        " adversarials count as they are or not at all."
    )
    return {"id": "protocol", "title": "Table 1 by the paper's search", "text": text, "rows": rows}


def search_attack(table: pd.DataFrame) -> dict[str, Any]:
    """The section on attacks on a search, from metrics/search_attack.csv."""
    rows = [
        {
            "Search of ABS": row["search"],
            "n": f"{number(row['n'])} of {number(row['images'])}",
            "wrong below the bound": f"{row['below']} ({share(row['share_low'])} to {share(row['share_high'])})",
            "of these by the arbiter too": number(row["below_by_arbiter"]),
            "median start / bound": number(row["median_start_ratio"], 4),
            "median closest / bound": number(row["median_ratio"], 4),
            "least closest / bound": number(row["least_ratio"], 4),
        }
        for row in table.to_dict("records")
    ]
    text = (
        "A lower bound is about the global minimum. Here the Boundary Attack walks along the decision boundary of a single"
        " search, in L₂, from known adversarials. An image below its bound that the search gets wrong is an error of the search;"
        " one that the arbiter gets wrong too would disprove the bound. The interval (95 %) is that of the share of the images."
    )
    return {"id": "search-attack", "title": "Attacks on the search itself", "text": text, "rows": rows}


def union(table: pd.DataFrame, thresholds: dict[Norm, float]) -> dict[str, Any]:
    """The section on the union of the norms, from metrics/union_accuracy.csv."""
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "by": row["by"],
            "n": number(row["n"]),
            "accuracy": share(row["accuracy"]),
            "95 % interval": f"{share(row['accuracy_low'])} to {share(row['accuracy_high'])}",
            **{f"{NORM_SYMBOLS[norm]} alone": share(row[f"accuracy_{norm}"]) for norm in thresholds},
        }
        for row in table.to_dict("records")
    ]
    balls = ", ".join(f"{NORM_SYMBOLS[norm]} {number(threshold)}" for norm, threshold in thresholds.items())
    text = (
        f"Share of the images that withstand all three distances at once: {balls}. Beside it each norm alone, on the same images."
        " By attacks it is at most this, by lower bounds at least."
    )
    return {"id": "union", "title": "Three distances at once", "text": text, "rows": rows}


def l1(table: pd.DataFrame) -> dict[str, Any]:
    """The section on L1, from metrics/l1.csv."""
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "n": number(row["n"]) + (f", {number(row['bounds'])} with bounds" if row["bounds"] > 0 else ""),
            "median": number(row["median"]),
            "95 % interval": f"{number(row['median_low'])} to {number(row['median_high'])}",
            "median bound": number(row["median_lower"]),
            "median of distance / bound": number(row["median_ratio"], 4),
            "disproved by the check": number(row["disproved"])
            + (f" of {number(row['checked'])}" if row["checked"] > 0 else ""),
        }
        for row in table.to_dict("records")
    ]
    text = (
        "The paper has no L1. Here is the closest adversarial of each image in L1, whatever its attack has minimised: all but Bound-Guided on ABS"
        " and Binary ABS minimise something else, so for the other models this is a loose limit from above. Below it, bounds as in the other norms."
    )
    return {"id": "l1", "title": "L1", "text": text, "rows": rows}


def distal(numbers: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """The section on distal adversarials, from metrics/distal.json."""
    rows = []
    for model, own in numbers.items():
        exact, estimated = own["exact"], own["estimated"]
        rows.append({
            "Model": MODEL_LABELS[model],
            "n": number(exact["starts"]),
            "reached": share(exact["reached"]),
            "distal": share(exact["distal"]),
            "distal if binarised": share(exact["distal_binarised"]),
            "median distance": number(exact.get("median_distance")),
            "median steps": number(exact.get("median_steps")),
            "n, estimated gradient": number(estimated["starts"]),
            "reached, estimated gradient": share(estimated["reached"]),
        })  # fmt: skip
    radius = {own["exact"]["distal_from_distance"] for own in numbers.values()}
    text = (
        "Ascents from noise towards one class. Reached: the probability that the ascent aims at. Distal: reached, and farther"
        f" from the nearest training image of the class (L₂ {', '.join(map(number, radius))}) than any of its test images."
    )
    return {"id": "distal", "title": "Distal adversarials", "text": text, "rows": rows}


def distal_matrix(table: pd.DataFrame) -> dict[str, Any]:
    """The section on ascents to every class, from metrics/distal_matrix.csv."""
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "start": row["start"],
            "n": number(row["n"]),
            "reached": share(row["reached"]),
            "distal": share(row["distal"]),
            "highest probability": number(row["highest_probability"]),
            "median distance": number(row["median_distance"]),
        }
        for row in table.to_dict("records")
    ]
    text = (
        "Ascents by the exact gradient to each of the ten classes, from uniform noise, a black image, and a digit of the next class,"
        " inverted and as it is. Reached and distal as above; the distance is that of the ascents that reached, to the nearest training"
        " image of the class aimed at."
    )
    return {"id": "distal-matrix", "title": "Ascents to every class", "text": text, "rows": rows}


def calibration(table: pd.DataFrame) -> dict[str, Any]:
    """The section on calibration, from metrics/calibration.csv."""
    rows = [
        {
            "Model": MODEL_LABELS[row["model"]],
            "n": number(row["images"]),
            "accuracy": share(row["accuracy"], 1),
            "alpha": number(row["alpha"]),
            "alpha, paper": number(row["paper_alpha"]),
            "eta": number(row["eta"]),
            "eta, paper": number(row["paper_eta"]),
            "median confidence": f"{share(row['median_confidence_before'])} → {share(row['median_confidence_after'])}",
            "calibration error": f"{number(row['calibration_error_before'])} → {number(row['calibration_error_after'])}",
        }
        for row in table.to_dict("records")
    ]
    text = (
        "Alpha and eta of the softmax (eq. 4), on test images that no attack touches; → : before and after calibration."
    )
    return {"id": "calibration", "title": "Calibration", "text": text, "rows": rows}


def costs(runs: pd.DataFrame) -> dict[str, Any]:
    """The section on what a run from nothing costs, from metrics/runs.csv."""
    hours = (runs["seconds"] / 3600).groupby([runs["result"].map(_made), runs["device"]]).agg(["size", "sum"])
    rows = [
        {"What": made, "results": number(of["size"]), "hours": number(of["sum"]), "on": device}
        for (made, device), of in hours.sort_values("sum", ascending=False).iterrows()
    ]
    text = (
        f"{len(runs)} results took {hours['sum'].sum():.1f} hours, as their run cards have it, one after the other; workers share them."
        " Tables and figures have no run cards; they take minutes."
    )
    return {"id": "costs", "title": "What a run from nothing costs", "text": text, "rows": rows}


def _made(result: str) -> str:
    """What a result, named by its place, is counted with."""
    folder, _, name = result.partition("/")
    model, _, what = name.partition("-")
    if what in BESIDE_BOUNDS:
        return BESIDE_BOUNDS[what]
    return (
        OF_A_MODEL[folder] + MODEL_LABELS.get(model, model.replace("_", " "))
        if folder in OF_A_MODEL
        else folder.replace("_", " ")
    )
