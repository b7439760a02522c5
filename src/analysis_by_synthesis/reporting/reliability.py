"""Reliability of every model before and after its calibration (eq. 4), and gamma beside the paper's."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.numbers import number
from analysis_by_synthesis.reporting.style import save

STYLES: dict[str, dict[str, Any]] = {
    "before": {"color": "#56B4E9", "marker": "s", "label": "softmax of the logits"},
    "after": {"color": "#000000", "marker": "o", "label": "with alpha and eta"},
}


def draw(
    curves: dict[str, dict[str, pd.DataFrame]],
    summary: pd.DataFrame,
    gamma: list[float],
    paper: pd.DataFrame,
    path: Path,
) -> None:
    """A reliability diagram for each model, and the class scalars of Binary ABS beside the paper's.

    Args:
        curves: `reliability` tables by softmax and model.
        summary: of `calibration.reliability`.
        gamma: the ten class scalars.
        paper: the paper's; columns class and gamma.
    """
    figure, axes = plt.subplots(2, 4, figsize=(11, 5.6), layout="constrained")
    for axis, (model, label) in zip(axes[:, :3].flat, MODEL_LABELS.items()):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for name, style in STYLES.items():
            if model in curves[name]:
                _plot(axis, curves[name][model], style)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
        numbers = [_numbers(row) for _, row in summary[summary["model"] == model].iterrows()]
        axis.set_title("\n".join([label, *numbers]), loc="left", fontsize=7.5)
    _plot_class_scalars(axes[0, 3], gamma, paper)
    axes[1, 3].axis("off")
    entries = zip(*(axis.get_legend_handles_labels() for axis in (axes[0, 0], axes[0, 3])))
    axes[1, 3].legend(*map(sum, entries, ([], [])), loc="center")
    save(figure, path)


def _plot(axis: Axes, table: pd.DataFrame, style: dict[str, Any]) -> None:
    interval = [table["accuracy"] - table["low"], table["high"] - table["accuracy"]]
    axis.errorbar(
        table["confidence"], table["accuracy"], interval, markersize=4, elinewidth=0.8, linewidth=0.8, **style
    )


def _plot_class_scalars(axis: Axes, gamma: list[float], paper: pd.DataFrame) -> None:
    axis.plot(range(len(gamma)), gamma, "o", color="#000000", markersize=4, label="class scalars, ours")
    axis.plot(paper["class"], paper["gamma"], "s", color="#D55E00", fillstyle="none", label="class scalars, paper")
    axis.set(xlabel="class", ylabel=r"$\gamma$", xticks=range(10))
    axis.set_title("class scalars of Binary ABS", loc="left", fontsize=7.5)


def _numbers(row: pd.Series) -> str:
    lines = [f"{name} {number(row[name])}" for name in ("alpha", "eta")]
    for i, name in enumerate(("paper_alpha", "paper_eta")):
        if not np.isnan(row[name]):
            lines[i] += f" (paper {number(row[name])})"
    median = f"median confidence {row['median_confidence_after']:.3f}, n = {row['images']:,}"
    return "\n".join([*lines, median])
