"""Figure 2: accuracy against adversarial distance, for the strongest attack on each sample."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.statistics import accuracy_curve
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.style import MODEL_LINES, NORM_LABELS, save, save_png

LIMITS: dict[Norm, float] = {"l2": 5.0, "linf": 0.6, "l0": 60.0}
POINTS = 121


def curves(minimal: dict[str, pd.DataFrame], norm: Norm) -> pd.DataFrame:
    """Accuracy of every model on an even grid of distances; empty for a model that no attack was tried on.

    Args:
        minimal: adversarials by model, as `minimal_adversarials` has them for this norm.
    """
    grid = np.linspace(0, LIMITS[norm], POINTS)
    columns = {model: accuracy_curve(own["distance"].to_numpy(), grid) for model, own in minimal.items() if len(own)}
    return pd.DataFrame({"distance": grid, **columns}, columns=["distance", *MODEL_LINES], dtype=float)


def draw(tables: dict[Norm, pd.DataFrame], thresholds: dict[Norm, float], subject: str, path: Path) -> None:
    """Draw the figure.

    Args:
        tables: of `curves`, by norm.
        subject: whose curves these are, and of how many images.
    """
    save(_figure(tables, thresholds, subject, (11, 3.7)), path)


def draw_small(tables: dict[Norm, pd.DataFrame], thresholds: dict[Norm, float], subject: str, path: Path) -> None:
    """Draw the figure as a PNG of 700 x 260 pixels."""
    with plt.rc_context({"font.size": 7, "figure.dpi": 100, "lines.linewidth": 1.1}):
        save_png(_figure(tables, thresholds, subject, (7, 2.6), columnspacing=1.2, handlelength=1.8), path)


def _figure(
    tables: dict[Norm, pd.DataFrame],
    thresholds: dict[Norm, float],
    subject: str,
    size: tuple[float, float],
    **legend: float,
) -> Figure:
    figure, axes = plt.subplots(1, len(NORMS), figsize=size, sharey=True, layout="constrained")
    for axis, norm in zip(axes, NORMS):
        table = tables[norm]
        for model in MODEL_LINES:
            axis.plot(table["distance"], table[model], **MODEL_LINES[model])
        axis.axvline(thresholds[norm], color="grey", linewidth=1)
        axis.set(xlabel=NORM_LABELS[norm], xlim=(0, LIMITS[norm]), ylim=(0, 1))
    axes[0].set_ylabel("accuracy")
    figure.suptitle(subject, fontsize="medium")
    shown = [model for model in MODEL_LINES if any(table[model].notna().any() for table in tables.values())]
    lines = [Line2D([], [], label=MODEL_LABELS[model], **MODEL_LINES[model]) for model in shown]
    threshold = Line2D([], [], color="grey", linewidth=1, label="threshold of Table 1")
    figure.legend(handles=[*lines, threshold], loc="outside lower center", ncols=len(lines) + 1, **legend)
    return figure
