"""Figure 4: where ascents from noise end."""

from pathlib import Path

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.canvas import SIDE, Canvas

SHOWN = {"exact": 3, "estimated": 2}  # starts of each ascent
BINARISED = ("binary_cnn", "binary_abs")  # these see their input so
LEFT, TOP, ACROSS, DOWN = 42, 32, 54, SIDE + 9


def draw(
    ascents: dict[str, tuple[pd.DataFrame, Tensor]],
    summaries: dict[str, dict[str, dict[str, float]]],
    starts: Tensor,
    target: int,
    path: Path,
) -> None:
    """Draw the figure: a column for each model, a row for each start.

    Args:
        ascents: records and images, by model.
        summaries: of `distal.summary`, by model.
        starts: the noise (N, 1, 28, 28) that ascents begin at.
    """
    rows = [(ascent, start) for ascent, count in SHOWN.items() for start in range(count)]
    canvas = Canvas(LEFT + ACROSS * (1 + len(MODEL_LABELS)), TOP + DOWN * (1 + len(rows)) + 14)
    for row, (ascent, start) in enumerate(rows):
        y = TOP + row * DOWN
        canvas.text(LEFT - 3, y + SIDE / 2, f"{ascent}\ngradient", ha="right", va="center", fontsize=8)
        canvas.image(LEFT, y, starts[start, 0])
    canvas.text(
        LEFT - 3, TOP + len(rows) * DOWN + SIDE / 2, "first row,\nbinarised", ha="right", va="center", fontsize=8
    )
    canvas.text(LEFT - 3, 25, "by the exact\ngradient:", ha="right")
    canvas.text(LEFT + SIDE / 2, TOP, "start")
    for column, (model, label) in enumerate(MODEL_LABELS.items(), start=1):
        x = LEFT + column * ACROSS
        records, images = ascents[model]
        exact = summaries[model]["exact"]
        canvas.text(x + SIDE / 2, 12, label, fontsize=8)
        canvas.text(x + SIDE / 2, 25, f"reached {exact['reached']:.0%}\ndistal {exact['distal']:.0%}")
        for row, (ascent, start) in enumerate(rows):
            y = TOP + row * DOWN
            found = records.index[(records["ascent"] == ascent) & (records["start"] == start)]
            if len(found) == 0:
                canvas.missing(x, y)
                continue
            record = records.loc[found[0]]
            canvas.image(x, y, images[found[0], 0])
            canvas.text(x + SIDE / 2, y, f"p = {record['probability']:.2f}, {record['steps']} steps")
            if row == 0 and model in BINARISED:
                y = TOP + len(rows) * DOWN
                canvas.image(x, y, binarize(images[found[0], 0]))
                canvas.text(x + SIDE / 2, y, f"if binarised: distal {exact['distal_binarised']:.0%}")
    starts_of = {ascent: found["starts"] for ascent, found in next(iter(summaries.values())).items()}
    notes = (
        f"reached, distal: of the ascents by the exact gradient, n = {starts_of['exact']} for each model;"
        f" by the estimated one, n = {starts_of['estimated']}",
        f"p = p({target}|x), where the ascent ended; distal: farther from the training images than all test images of a {target}",
    )
    canvas.text(4, canvas.pixels.shape[0] - 1, "\n".join(notes), ha="left")
    canvas.save(path)
