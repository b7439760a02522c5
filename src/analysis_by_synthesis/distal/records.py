"""The records of one model's ascents: a CSV with a row per start, and the images that were reached."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.files import write_csv
from analysis_by_synthesis.stage import Problem, replacing

DISTAL = Path("results/distal")
GREY_LEVELS = 255  # MNIST's own


def onto_grey_levels(x: Tensor) -> Tensor:
    """Round images in [0, 1] to the pixel values that are stored."""
    return (x * GREY_LEVELS).round() / GREY_LEVELS


def write_distal(model: str, records: pd.DataFrame, images: Tensor) -> None:
    """Write results/distal/<model>.csv and .npz; an image (N, 1, 28, 28) for each record."""
    write_csv(DISTAL / f"{model}.csv", records)
    pixels = (images * GREY_LEVELS).round().cpu().numpy().astype(np.uint8)
    with replacing(DISTAL / f"{model}.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, image=pixels)


def read_distal(model: str) -> tuple[pd.DataFrame, Tensor]:
    """Records of a model, by row, and their images (N, 1, 28, 28), float32 in [0, 1].

    Raises:
        Problem: a file is missing.
    """
    try:
        records = pd.read_csv(DISTAL / f"{model}.csv")
        with np.load(DISTAL / f"{model}.npz") as archive:
            return records, torch.from_numpy(archive["image"].astype(np.float32) / GREY_LEVELS)
    except FileNotFoundError as error:
        raise Problem(f"{error.filename} is not here; take it from git, or run: dvc repro") from None
