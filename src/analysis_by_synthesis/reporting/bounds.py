"""The gap between lower bounds and verified adversarials: curves, and the figure."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from analysis_by_synthesis.bounds.summary import MODELS
from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.statistics import accuracy_curve
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.figure2 import LIMITS, POINTS
from analysis_by_synthesis.reporting.style import MODEL_LINES, NORM_LABELS, save

SIDES = ("certified", "attacked")


def curves(brackets: dict[str, pd.DataFrame], norm: Norm) -> pd.DataFrame:
    """Certified and attacked accuracy of the models on an even grid of distances; empty where there are no attacks."""
    grid = np.linspace(0, LIMITS[norm], POINTS)
    columns = {"distance": grid}
    for model, both in brackets.items():
        if len(both):
            columns[f"{model}_certified"] = accuracy_curve(both["lower"].to_numpy(), grid)
            columns[f"{model}_attacked"] = accuracy_curve(both["upper"].to_numpy(), grid)
    return pd.DataFrame(
        columns, columns=["distance", *(f"{model}_{side}" for model in MODELS for side in SIDES)], dtype=float
    )


def draw(tables: dict[Norm, pd.DataFrame], thresholds: dict[Norm, float], path: Path) -> None:
    """Between the two curves of a model lies its accuracy under the strongest possible attack."""
    figure, axes = plt.subplots(len(MODELS), len(NORMS), figsize=(11, 6.2), sharey=True, layout="constrained")
    for row, model in zip(axes, MODELS):
        color = MODEL_LINES[model]["color"]
        for axis, norm in zip(row, NORMS):
            table = tables[norm]
            certified, attacked = (table[f"{model}_{side}"] for side in SIDES)
            axis.fill_between(table["distance"], certified, attacked, color=color, alpha=0.3, linewidth=0)
            axis.plot(table["distance"], attacked, color=color, linestyle="--", label="attacked")
            axis.plot(table["distance"], certified, color=color, linestyle="-", label="certified")
            axis.axvline(thresholds[norm], color="grey", linewidth=1)
            axis.set(xlabel=NORM_LABELS[norm], xlim=(0, LIMITS[norm]), ylim=(0, 1))
        row[0].set_ylabel(f"accuracy of {MODEL_LABELS[model]}")
    axes[0, 0].legend(loc="upper right")
    save(figure, path)
