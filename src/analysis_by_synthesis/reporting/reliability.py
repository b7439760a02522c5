"""Whether confidence means what it says: reliability of every model before and after its calibration (eq. 4)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_by_synthesis.evaluation.statistics import share
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.reporting.style import save

PAPER = Path("paper/calibration.csv")  # logit_scale: by how much the paper's logits are smaller than ours
PAPER_CLASS_SCALARS = Path("paper/class_scalars.csv")
BINS = 10
SOFTMAXES = {
    "before": {"color": "#56B4E9", "marker": "s", "label": "softmax of the logits"},
    "after": {"color": "#000000", "marker": "o", "label": "with alpha and eta"},
}


def reliability(confidence: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """Accuracy for ten even ranges of confidence, those without an image left out.

    Args:
        confidence: p(y|x) (N,) of the predicted class; correct: whether that is the label (N,).

    Returns:
        per range: confidence (mean), accuracy, low and high (its 95 % Wilson interval), images.
    """
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"confidence": confidence, "accuracy": correct.astype(float)}).groupby(place).mean()
    n = np.bincount(place)[table.index]
    estimates = [share(round(accuracy * count), count) for accuracy, count in zip(table["accuracy"], n)]
    low, high = ([getattr(estimate, end) for estimate in estimates] for end in ("low", "high"))
    return table.assign(low=low, high=high, images=n).reset_index(drop=True)


def calibration_error(table: pd.DataFrame) -> float:
    """Mean difference between accuracy and confidence over the images of a `reliability` table."""
    return float(np.average((table["accuracy"] - table["confidence"]).abs(), weights=table["images"]))


def summarise(
    calibrations: dict[str, dict[str, float]], confidences: dict[str, pd.DataFrame], median_confidence: float
) -> pd.DataFrame:
    """Per model, alpha and eta beside the paper's (for logits on our scale), median confidence and calibration errors.

    Args:
        calibrations: alpha and eta, by model.
        confidences: before and after, by model and image.

    Raises:
        UserError: eta doesn't bring about the median confidence.
    """
    paper = pd.read_csv(PAPER, index_col="model")
    rows = []
    for model, calibration in calibrations.items():
        table = confidences[model]
        correct = (table["label"] == table["predicted"]).to_numpy()
        median = float(table["after"].median())
        if calibration["eta"] > 0 and abs(median - median_confidence) > 1e-4:
            raise UserError(
                f"the median confidence of {model} is {median:.4f} instead of {median_confidence}: its metrics/calibration and"
                " results/calibration are not from one run; take both from git, or run: dvc repro"
            )
        in_paper = paper.loc[model] if model in paper.index else pd.Series(np.nan, index=paper.columns)
        rows.append({
            "model": model, "images": len(table), "accuracy": correct.mean(),
            "alpha": calibration["alpha"], "paper_alpha": in_paper["alpha"] / in_paper["logit_scale"],
            "eta": calibration["eta"], "paper_eta": in_paper["eta"],
            **{f"median_confidence_{name}": table[name].median() for name in SOFTMAXES},
            **{f"calibration_error_{name}": calibration_error(reliability(table[name].to_numpy(), correct))
               for name in SOFTMAXES},
        })  # fmt: skip
    return pd.DataFrame(rows)


def draw(curves: dict[str, dict[str, pd.DataFrame]], summary: pd.DataFrame, gamma: list[float], path: Path) -> None:
    """A reliability diagram for each model, and the class scalars of Binary ABS beside the paper's.

    Args:
        curves: `reliability` tables by softmax and model.
        summary: of `summarise`.
        gamma: the ten class scalars.
    """
    figure, axes = plt.subplots(2, 4, figsize=(11, 5.6), layout="constrained")
    for axis, (model, label) in zip(axes[:, :3].flat, MODEL_LABELS.items()):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for name, style in SOFTMAXES.items():
            if model in curves[name]:
                _plot(axis, curves[name][model], style)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
        numbers = [_numbers(row) for _, row in summary[summary["model"] == model].iterrows()]
        axis.set_title("\n".join([label, *numbers]), loc="left", fontsize=7.5)
    _plot_class_scalars(axes[0, 3], gamma)
    axes[1, 3].axis("off")
    entries = zip(*(axis.get_legend_handles_labels() for axis in (axes[0, 0], axes[0, 3])))
    axes[1, 3].legend(*map(sum, entries, ([], [])), loc="center")
    save(figure, path)


def _plot(axis: Axes, table: pd.DataFrame, style: dict) -> None:
    interval = [table["accuracy"] - table["low"], table["high"] - table["accuracy"]]
    axis.errorbar(
        table["confidence"], table["accuracy"], interval, markersize=4, elinewidth=0.8, linewidth=0.8, **style
    )


def _plot_class_scalars(axis: Axes, gamma: list[float]) -> None:
    paper = pd.read_csv(PAPER_CLASS_SCALARS)
    axis.plot(range(len(gamma)), gamma, "o", color="#000000", markersize=4, label="class scalars, ours")
    axis.plot(paper["class"], paper["gamma"], "s", color="#D55E00", fillstyle="none", label="class scalars, paper")
    axis.set(xlabel="class", ylabel=r"$\gamma$", xticks=range(10))
    axis.set_title("class scalars of Binary ABS", loc="left", fontsize=7.5)


def _numbers(row: pd.Series) -> str:
    lines = [f"{name} {row[name]:.3g}" for name in ("alpha", "eta")]
    for i, name in enumerate(("paper_alpha", "paper_eta")):
        if not np.isnan(row[name]):
            lines[i] += f" (paper {row[name]:.3g})"
    median = f"median confidence {row['median_confidence_after']:.3f}, n = {row['images']}"
    return "\n".join([*lines, median])
