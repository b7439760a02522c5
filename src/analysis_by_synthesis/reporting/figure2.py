"""Figure 2: accuracy against adversarial distance, for the strongest attack on each sample."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.results import Row, Together
from analysis_by_synthesis.evaluation.statistics import accuracy_curve
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.style import MODEL_LINES, NORM_LABELS, save

LIMITS: dict[Norm, float] = {"l2": 5.0, "linf": 0.6, "l0": 60.0}
POINTS = 121


def curves(together: dict[Row, Together], norm: Norm) -> pd.DataFrame:
    """Accuracy of every model on an even grid of distances, from the norm's "All" rows."""
    grid = np.linspace(0, LIMITS[norm], POINTS)
    columns = {
        row.model: accuracy_curve(attacks.distances.to_numpy(), grid)
        for row, attacks in together.items()
        if row.norm == norm
    }
    return pd.DataFrame({"distance": grid, **{model: columns[model] for model in MODEL_LABELS if model in columns}})


def draw(tables: dict[Norm, pd.DataFrame], thresholds: dict[Norm, float], path: Path) -> None:
    figure, axes = plt.subplots(1, len(NORMS), figsize=(11, 3.5), sharey=True, layout="constrained")
    for axis, norm in zip(axes, NORMS):
        table = tables[norm]
        for model in table.columns.drop("distance"):
            axis.plot(table["distance"], table[model], **MODEL_LINES[model])
        axis.axvline(thresholds[norm], color="grey", linewidth=1)
        axis.set(xlabel=NORM_LABELS[norm], xlim=(0, LIMITS[norm]), ylim=(0, 1))
    axes[0].set_ylabel("accuracy")
    lines = [Line2D([], [], label=MODEL_LABELS[model], **look) for model, look in MODEL_LINES.items()]
    threshold = Line2D([], [], color="grey", linewidth=1, label="threshold of Table 1")
    figure.legend(handles=[*lines, threshold], loc="outside lower center", ncols=len(lines) + 1)
    save(figure, path)
