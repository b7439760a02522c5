"""What the page shows around Table 1 and before its sections: headline, cards, figures, bounds, signs of weak attacks."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES, Norm
from analysis_by_synthesis.params.report import MODEL_LABELS, OF_THE_PAPER
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS
from analysis_by_synthesis.reporting.numbers import distance, number, share
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
