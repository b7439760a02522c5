"""Figures 5, 6 and 7: random samples from each quarter of the minimal adversarial distances, for every model."""

from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.adversarials import QUARTERS, caption, picture, some_per_quarter
from analysis_by_synthesis.reporting.canvas import SIDE, Canvas
from analysis_by_synthesis.reporting.style import NORM_LABELS

FIGURES: dict[Norm, str] = {"l0": "figure5", "l2": "figure6", "linf": "figure7"}
EACH = 4  # samples of a quarter
LEFT, TOP, GAP, DOWN = 13, 17, 8, SIDE + 7
ACROSS = 2 * SIDE + 2 + GAP
BLOCK = EACH * DOWN + 5


def draw(minimal: dict[str, pd.DataFrame], norm: Norm, images: Tensor, seed: int, subject: str, path: Path) -> None:
    """Draw one norm's figure: clean image and adversarial side by side.

    Args:
        minimal: adversarials by model, as `minimal_adversarials` has them for this norm.
        images: the test images (N, 1, 28, 28), by sample.
        subject: whose adversarials these are.
    """
    canvas = Canvas(LEFT + len(MODEL_LABELS) * ACROSS, TOP + QUARTERS * BLOCK + 8)
    for quarter in range(QUARTERS):
        share = f"{25 * quarter} – {25 * (quarter + 1)} % of the distances"
        canvas.text(6, TOP + quarter * BLOCK + BLOCK / 2, share, rotation=90, va="center", fontsize=8)
    for column, (model, label) in enumerate(MODEL_LABELS.items()):
        x, table = LEFT + column * ACROSS, minimal[model]
        canvas.text(x + SIDE + 1, 14, label, fontsize=8)
        for quarter, samples in enumerate(some_per_quarter(table, EACH, seed)):
            for place in range(EACH):
                y = TOP + quarter * BLOCK + place * DOWN + 6
                if place >= len(samples):
                    canvas.missing(x, y)
                    canvas.missing(x + SIDE + 2, y)
                    continue
                adversarial = table.loc[samples[place]]
                canvas.text(x + SIDE + 1, y, caption(adversarial, norm))
                canvas.image(x, y, images[samples[place], 0])
                canvas.image(x + SIDE + 2, y, picture(adversarial))
    note = f"above each pair of clean image and adversarial: label→class, {NORM_LABELS[norm]}; {subject}"
    canvas.text(LEFT, canvas.pixels.shape[0] - 1, note, ha="left")
    canvas.save(path)
