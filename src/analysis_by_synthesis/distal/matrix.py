"""Ascents to every class from several kinds of image, where Figure 4 goes from noise to one class."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.distal.ascent import noise
from analysis_by_synthesis.distal.summary import Neighbourhood
from analysis_by_synthesis.params.distal import Start

CLASSES = 10


def begin(kinds: Sequence[Start], target: int, images: Tensor, labels: Tensor, seed: int) -> Tensor:
    """The start (K, 1, 28, 28) of each kind for ascents to a class.

    Args:
        images, labels: of the test split, (N, 1, 28, 28) and (N,); the first image of the next class is the digit.
        seed: of the noise; each class has its own.
    """
    digit = images[labels == (target + 1) % CLASSES][:1]
    of = {"noise": noise(1, seed + target), "black": torch.zeros_like(digit), "inverted": 1 - digit, "digit": digit}
    return torch.cat([of[kind] for kind in kinds])


def of_both(labels: Tensor, target: int) -> Tensor:
    """Which images (N,) are of the class that ascents go to, or of the next one, whose digit they may begin at."""
    return (labels == target) | (labels == (target + 1) % CLASSES)


def judged(target: int, kinds: Sequence[Start], climbed: dict[str, Tensor], data: Neighbourhood) -> pd.DataFrame:
    """A row for each ascent to a class.

    Args:
        climbed: what the `Climber` says of the starts.
        data: the images of the class and of the next one.

    Returns:
        target, start, probability, reached, steps, distance (L2, to the nearest training image of the two classes), distal
        (reached, and farther from these than any of their test images).
    """
    columns = {name: climbed[name].numpy() for name in ("probability", "reached", "steps")}
    table = pd.DataFrame({"target": target, "start": list(kinds), **columns})
    table["distance"] = data.distance(climbed["image"]).numpy()
    table["distal"] = table["reached"] & (table["distance"] > data.radius)
    return table


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The share of the classes that ascents reach, and reach far from the data.

    Args:
        tables: of `judged`, for all classes, by model.

    Returns:
        model, start, n (classes), reached, distal (shares), highest_probability, median_distance (of those that reached).
    """
    rows = []
    for model, table in tables.items():
        for start, group in table.groupby("start", sort=False):
            rows.append({
                "model": model, "start": start, "n": len(group), "reached": group["reached"].mean(),
                "distal": group["distal"].mean(), "highest_probability": group["probability"].max(),
                "median_distance": group["distance"][group["reached"]].median(),
            })  # fmt: skip
    return pd.DataFrame(rows)
