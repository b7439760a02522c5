"""Figure 3: a random sample of each class and its minimal L2 adversarial for every model."""

from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.adversarials import caption, one_per_class, perturbed, picture
from analysis_by_synthesis.reporting.canvas import SIDE, Canvas

LEFT, TOP, ACROSS, DOWN = 56, 4, SIDE + 4, SIDE + 8


def draw(minimal: dict[str, pd.DataFrame], images: Tensor, seed: int, subject: str, path: Path) -> None:
    """Draw the figure.

    Args:
        minimal: L2 adversarials by model, as `minimal_adversarials` has them.
        images: the test images (N, 1, 28, 28), by sample.
        subject: whose adversarials these are.
    """
    canvas = Canvas(LEFT + 10 * ACROSS, TOP + (1 + len(MODEL_LABELS)) * DOWN + 8)
    for row, label in enumerate(["clean", *MODEL_LABELS.values()]):
        canvas.text(LEFT - 3, TOP + row * DOWN + 7 + SIDE / 2, label, ha="right", va="center", fontsize=8)
    for c, sample in enumerate(one_per_class(minimal, seed)):
        x, y = LEFT + c * ACROSS, TOP + 7
        canvas.text(x + SIDE / 2, y, str(c))
        if sample is None:
            canvas.missing(x, y)
        else:
            canvas.image(x, y, images[sample, 0])
        for row, model in enumerate(MODEL_LABELS, start=1):
            y = TOP + row * DOWN + 7
            shown = perturbed(minimal[model])
            if sample not in shown.index:
                canvas.missing(x, y)
                continue
            canvas.text(x + SIDE / 2, y, caption(shown.loc[sample], "l2"))
            canvas.image(x, y, picture(shown.loc[sample]))
    note = f"above each adversarial: label→class, $L_2$ distance; {subject}"
    canvas.text(LEFT, canvas.pixels.shape[0] - 1, note, ha="left")
    canvas.save(path)
