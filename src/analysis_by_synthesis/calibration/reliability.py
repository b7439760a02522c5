"""Whether confidence means what it says: accuracy against confidence, before and after a model's calibration."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis_by_synthesis.evaluation.statistics import share
from analysis_by_synthesis.pipeline.errors import UserError

BINS = 10
SOFTMAXES = ("before", "after")  # of the logits as they are, and with alpha and eta


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
    low, high = [estimate.low for estimate in estimates], [estimate.high for estimate in estimates]
    return table.assign(low=low, high=high, images=n).reset_index(drop=True)


def calibration_error(table: pd.DataFrame) -> float:
    """Mean difference between accuracy and confidence over the images of a `reliability` table."""
    return float(np.average((table["accuracy"] - table["confidence"]).abs(), weights=table["images"]))


def summarise(
    calibrations: dict[str, dict[str, float]],
    confidences: dict[str, pd.DataFrame],
    median_confidence: float,
    paper: Path,
) -> pd.DataFrame:
    """Per model, alpha and eta beside the paper's (for logits on our scale), median confidence and calibration errors.

    Args:
        calibrations: alpha and eta, by model.
        confidences: before and after, by model and image.
        paper: the folder of the paper's numbers; `logit_scale` there says by how much its logits are smaller than ours.

    Raises:
        UserError: eta doesn't bring about the median confidence.
    """
    printed = pd.read_csv(paper / "calibration.csv", index_col="model")
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
        in_paper = printed.loc[model] if model in printed.index else pd.Series(np.nan, index=printed.columns)
        rows.append({
            "model": model, "images": len(table), "accuracy": correct.mean(),
            "alpha": calibration["alpha"], "paper_alpha": in_paper["alpha"] / in_paper["logit_scale"],
            "eta": calibration["eta"], "paper_eta": in_paper["eta"],
            **{f"median_confidence_{name}": table[name].median() for name in SOFTMAXES},
            **{f"calibration_error_{name}": calibration_error(reliability(table[name].to_numpy(), correct))
               for name in SOFTMAXES},
        })  # fmt: skip
    return pd.DataFrame(rows)
