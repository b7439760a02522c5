"""Figure 4: where ascents from noise end, and whether that is far from the data."""

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.canvas import SIDE, Canvas

SHOWN = {"exact": 4, "estimated": 1}  # starts of each ascent
BINARISED = ("binary_cnn", "binary_abs")  # these see their input so
LEFT, TOP, ACROSS, DOWN = 42, 32, 54, SIDE + 9


class Neighbourhood:
    """The training images of a class, and the distance within which its test images lie.

    Args:
        training, test: all images (N, 1, 28, 28) of the class.
    """

    def __init__(self, training: Tensor, test: Tensor) -> None:
        self.training = training
        self.radius = self.distance(test).max().item()

    def distance(self, x: Tensor) -> Tensor:
        """L2 distance (N,) of each of x (N, 1, 28, 28) to the nearest training image."""
        return torch.cdist(x.flatten(1), self.training.flatten(1)).amin(1)


def summarise(
    records: pd.DataFrame, images: Tensor, data: Neighbourhood, binarised: Neighbourhood
) -> dict[str, dict[str, float]]:
    """For each of a model's ascents: what share of the starts reached the confidence, how, and how far from the data.

    An image that reached it is distal if it lies farther from the nearest training image than any test image does.
    `distal_binarised` is the same share once everything is binarised: a binary model can't see noise below 0.5.

    Args:
        records: a row for each start; images: where it ended (N, 1, 28, 28).
        data, binarised: the images of the class as they are, and binarised.
    """
    distance = data.distance(images).numpy()
    distance_binarised = binarised.distance(binarize(images)).numpy()
    table = records.assign(
        distance=distance, distal=distance > data.radius, distal_binarised=distance_binarised > binarised.radius
    )
    summary = {}
    for ascent, rows in table.groupby("ascent", sort=False):
        reached = rows[rows["reached"]]
        summary[ascent] = {
            "starts": len(rows),
            "reached": len(reached) / len(rows),
            "distal": float(reached["distal"].sum() / len(rows)),
            "distal_binarised": float(reached["distal_binarised"].sum() / len(rows)),
            "distal_from_distance": round(data.radius, 4),
            "highest_probability": round(float(rows["probability"].max()), 6),
        }
        if len(reached):
            summary[ascent]["median_distance"] = round(float(reached["distance"].median()), 4)
            summary[ascent]["median_steps"] = float(reached["steps"].median())
    return summary


def draw(
    ascents: dict[str, tuple[pd.DataFrame, Tensor]],
    summaries: dict[str, dict],
    starts: Tensor,
    target: int,
    path: Path,
) -> None:
    """Draw the figure: a column for each model, a row for each start.

    Args:
        ascents: records and images, by model.
        summaries: of `summarise`, by model.
        starts: the noise (N, 1, 28, 28) that ascents begin at.
    """
    rows = [(ascent, start) for ascent, count in SHOWN.items() for start in range(count)]
    canvas = Canvas(LEFT + ACROSS * (1 + len(MODEL_LABELS)), TOP + DOWN * (1 + len(rows)) + 8)
    for row, (ascent, start) in enumerate(rows):
        y = TOP + row * DOWN
        canvas.text(LEFT - 3, y + SIDE / 2, f"{ascent}\ngradient", ha="right", va="center", fontsize=8)
        canvas.image(LEFT, y, starts[start, 0])
    canvas.text(
        LEFT - 3, TOP + len(rows) * DOWN + SIDE / 2, "first row,\nbinarised", ha="right", va="center", fontsize=8
    )
    canvas.text(LEFT + SIDE / 2, TOP, "start")
    for column, (model, label) in enumerate(MODEL_LABELS.items(), start=1):
        x = LEFT + column * ACROSS
        records, images = ascents[model]
        exact = summaries[model]["exact"]
        verdict = f"reached {exact['reached']:.0%}\ndistal {exact['distal']:.0%}, n = {exact['starts']}"
        canvas.text(x + SIDE / 2, 12, label, fontsize=8)
        canvas.text(x + SIDE / 2, 25, verdict)
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
                canvas.text(x + SIDE / 2, y, f"distal {exact['distal_binarised']:.0%}")
    note = f"p = p({target}|x), where the ascent ended; distal: farther from the training images than all test images of a {target}"
    canvas.text(LEFT, canvas.pixels.shape[0] - 1, note, ha="left")
    canvas.save(path)
