"""Figure 8: how the minimal adversarial distances of each model are distributed."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.adversarials import Minimal
from analysis_by_synthesis.reporting.figure2 import LIMITS
from analysis_by_synthesis.reporting.style import MODEL_LINES, NORM_LABELS, save

BINS: dict[Norm, int] = {"l2": 40, "linf": 40, "l0": 30}  # of L0, two pixels each


def histograms(minimal: dict[str, pd.DataFrame], norm: Norm) -> pd.DataFrame:
    """Share of each model's samples per bin of distances above 0, by the bin's middle; what lies beyond is left out.

    Args:
        minimal: adversarials by model, as `minimal_adversarials` has them for this norm.
    """
    edges = np.linspace(0, LIMITS[norm], BINS[norm] + 1)
    table = pd.DataFrame({"distance": (edges[:-1] + edges[1:]) / 2})
    for model, own in minimal.items():
        if len(values := own["distance"]):
            table[model] = np.histogram(values[values > 0], edges)[0] / len(values)
    return table


def draw(
    tables: dict[Norm, pd.DataFrame],
    minimal: Minimal,
    thresholds: dict[Norm, float],
    subject: str,
    path: Path,
) -> None:
    """Draw the histograms of all models, with their medians and the thresholds of Table 1.

    Args:
        tables: of `histograms`.
        minimal: adversarials of each norm and model.
        subject: whose distances these are, and of how many images.
    """
    figure, axes = plt.subplots(
        len(MODEL_LABELS), len(NORMS), figsize=(9, 7), sharex="col", sharey="col", layout="constrained"
    )
    for column, norm in enumerate(NORMS):
        width = LIMITS[norm] / BINS[norm]
        for axis, (model, label) in zip(axes[:, column], MODEL_LABELS.items()):
            values = minimal[norm][model]["distance"]
            if model in tables[norm]:
                color = MODEL_LINES[model]["color"]
                axis.bar(
                    tables[norm]["distance"], tables[norm][model], width, color=color, edgecolor="0.2", linewidth=0.3
                )
                axis.axvline(np.median(values), color="black", linewidth=1.2)
            axis.axvline(thresholds[norm], color="0.5", linewidth=1, linestyle=":")
            axis.set_title(_counts(values, norm), loc="right", fontsize=7, pad=2)
            axis.set(xlim=(0, LIMITS[norm]))
            if column == 0:
                axis.set_ylabel(label.replace(" ", "\n", 1), rotation=0, ha="right", va="center")
        axes[-1, column].set_xlabel(NORM_LABELS[norm])
    figure.supylabel("share of the samples", fontsize=9)
    figure.suptitle(f"{subject}\nline: median; dotted: threshold of Table 1", fontsize=9)
    save(figure, path)


def _counts(values: pd.Series, norm: Norm) -> str:
    """How many samples the histogram doesn't show."""
    if not len(values):
        return "too few images"
    counts = {
        "misclassified": (values == 0).sum(),
        "beyond": ((values > LIMITS[norm]) & np.isfinite(values)).sum(),
        "not found": np.isinf(values).sum(),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
