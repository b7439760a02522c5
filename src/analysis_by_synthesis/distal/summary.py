"""Whether what an ascent reaches is distal: certain to the model, and far from the data (section 7)."""

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.networks.binarize import binarize


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
