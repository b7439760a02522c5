"""The sections of the page around Table 1: what stands in their tables, lists and captions."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES, Norm
from analysis_by_synthesis.evaluation.control import STATISTICS
from analysis_by_synthesis.evaluation.protocol_table import JUDGES
from analysis_by_synthesis.params.report import MODEL_LABELS, OF_THE_PAPER
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.reporting import control as tables
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS
from analysis_by_synthesis.reporting.numbers import UNKNOWN, distance, number, share
from analysis_by_synthesis.reporting.page.explained import embedded

Bounds = dict[str, dict[Norm, dict[str, Any]]]  # metrics/bounds.json
# Flags that compare two medians; the others compare a share of the samples with a limit.
OF_MEDIANS = ("weaker than noise", "black box beats white box", "estimated beats exact gradient")
TITLES = {
    "figure2": "Figure 2: accuracy against the distance of the closest adversarial",
    "bounds": "Certified and attacked accuracy: the truth lies between the two curves",
    "figure1": "Figure 1: what ABS sees, and how it decides",
    "figure2_ours_too": "Figure 2 with our attacks too",
    "figure3": "Figure 3: closest L₂ adversarials, a random sample of each class",
    "figure4": "Figure 4: where ascents from noise end",
    "figure5": "Figure 5: closest L₀ adversarials by quarter of the distances",
    "figure6": "Figure 6: closest L₂ adversarials by quarter of the distances",
    "figure7": "Figure 7: closest L∞ adversarials by quarter of the distances",
    "figure8": "Figure 8: how the distances of the closest adversarials are distributed",
    "reliability": "Accuracy against confidence, before and after calibration",
    "vae_health": "The ten VAEs: samples, KL divergence of each latent, reconstruction errors",
}


def figures(metrics: Path, plots: Path) -> Iterator[dict[str, str]]:
    """Name, title, caption and PNG of each figure."""
    captions = read_json(plots / "captions.json") | _other_captions(metrics)
    for name, title in TITLES.items():
        yield {
            "name": name, "title": title, "caption": captions[name], "png": embedded(plots / f"{name}.png"),
        }  # fmt: skip


def _other_captions(metrics: Path) -> dict[str, str]:
    bounds: Bounds = read_json(metrics / "bounds.json")
    images = sorted({numbers["n"] for norms in bounds.values() for numbers in norms.values()})
    exact, estimated = (
        {numbers[ascent]["starts"] for numbers in read_json(metrics / "distal.json").values()}
        for ascent in ("exact", "estimated")
    )
    calibrated = sorted(set(pd.read_csv(metrics / "calibration.csv")["images"]))
    return {
        "bounds": f"Solid: lower bounds; dashed: the closest adversarial of all attacks, the paper's and ours. n = {_listed(images)} test images.",
        "figure1": "Random test images, the reconstruction of each class with its distance D, and the posterior with alpha and eta.",
        "figure4": f"n = {_listed(exact)} ascents by the exact gradient and {_listed(estimated)} by the estimated one for each model; some are shown.",
        "reliability": f"n = {_listed(calibrated)} test images that no attack touches; alpha, eta and the class scalars beside the paper's.",
        "vae_health": "Samples from the prior; the same numbers for training and test images.",
    }


def _listed(values: Any) -> str:
    return ", ".join(f"{value:,}" for value in sorted(values))


def headline(bounds: Bounds) -> str:
    """What was found, in a sentence or two; only what there are numbers of."""
    own = bounds["abs"]
    if not own:
        return "There are no bounds on the robustness of ABS here."
    n = _listed({numbers["n"] for numbers in own.values()})
    lower, upper = (_each({norm: _median(own[norm], which) for norm in own}) for which in ("lower", "upper"))
    return (
        f"Half of {n} test images keep their class for ABS under every change smaller than {lower}, and half have a verified"
        f" adversarial within {upper}. The first number is a bound as far as the search over latents finds the global minimum."
    )


def _median(numbers: dict[str, Any], which: str) -> float:
    """A median of infinity has no entry."""
    return float(numbers.get(f"median_{which}", np.inf))


def _each(distances: dict[Norm, float]) -> str:
    parts = [
        f"{number(value)} pixels" if norm == "l0" else f"{distance(value, norm)} in {NORM_SYMBOLS[norm]}"
        for norm, value in distances.items()
    ]
    return " or ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def cards(bounds: Bounds, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """For each norm the median bracket of ABS beside what the paper has.

    Args:
        table: as metrics/table1.csv has it.
    """
    of_abs = table[table["model"] == "abs"].set_index("attack")["paper_median"]
    for norm, own in bounds["abs"].items():
        attacked = of_abs.get(OF_THE_PAPER.format(NORM_NAMES[norm]))
        known = {"attacks": attacked, "mean bound": own.get("paper_mean"), "median bound": own.get("paper_median")}
        ends = dict.fromkeys(distance(_median(own, which), norm) for which in ("lower", "upper"))
        yield {
            "name": NORM_SYMBOLS[norm], "bracket": " – ".join(ends), "n": own["n"],
            "paper": ", ".join(f"{name} {number(value)}" for name, value in known.items() if pd.notna(value)),
        }  # fmt: skip


def bound_rows(bounds: Bounds) -> list[dict[str, Any]]:
    """A row for each model and norm: its name, and its cells by the name of their column."""
    rows = []
    for model, norms in bounds.items():
        for norm, own in norms.items():
            check = own["check"]
            rows.append({"name": f"{MODEL_LABELS[model]}, {NORM_SYMBOLS[norm]}", "cells": {
                "n": number(own["n"]),
                "median lower": _with_interval(own, "median_lower", partial(distance, norm=norm)),
                "median upper": _with_interval(own, "median_upper", partial(distance, norm=norm)),
                "median of upper / lower": number(own.get("median_ratio"), 4),
                "certified accuracy": _with_interval(own, "certified_accuracy", share),
                "attacked accuracy": _with_interval(own, "attacked_accuracy", share),
                "mean lower": number(own.get("mean_lower")),
                "mean, paper's formula": number(own.get("mean_lower_paper_formula")),
                "above an adversarial": number(own["violations"]),
                "disproved by the check": f"{check['disproved']} of {check['n']}",
            }})  # fmt: skip
    return rows


def _with_interval(own: dict[str, Any], name: str, show: Callable[[float], str]) -> str:
    """A number and its 95 % interval; what is infinite isn't in metrics/bounds.json."""
    value, low, high = (show(own.get(f"{name}{end}", np.inf)) for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def flags(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Each kind of flag with its entries, a sentence each.

    Args:
        table: as metrics/flags.csv has it.
    """
    found = []
    for (flag, meaning), rows in table.groupby(["flag", "meaning"], sort=False):
        show, between = (number, ", compared with") if flag in OF_MEDIANS else (share, " of the samples, more than")
        entries = [
            f"{row['attack']} ({NORM_SYMBOLS[row['norm']]}), {MODEL_LABELS[row['model']]}: {show(row['value'])}{between}"
            f" {show(row['compared_with'])}"
            for row in rows.to_dict("records")
        ]
        found.append({"name": flag[0].upper() + flag[1:], "meaning": meaning, "entries": entries})
    return found


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
