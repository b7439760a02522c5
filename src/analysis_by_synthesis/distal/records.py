"""The records of one model's ascents: a CSV with a row per start, and the images that were reached."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import write_arrays, write_csv

GREY_LEVELS = 255  # MNIST's own


def onto_grey_levels(x: Tensor) -> Tensor:
    """Round images in [0, 1] to the pixel values that are stored."""
    return (x * GREY_LEVELS).round() / GREY_LEVELS


def write_distal(stem: Path, records: pd.DataFrame, images: Tensor) -> None:
    """Write <stem>.csv and .npz; an image (N, 1, 28, 28) for each record."""
    write_csv(stem.with_suffix(".csv"), records)
    write_arrays(stem.with_suffix(".npz"), image=(images * GREY_LEVELS).round().cpu().numpy().astype(np.uint8))


def read_distal(stem: Path) -> tuple[pd.DataFrame, Tensor]:
    """Records of a model, by row, and their images (N, 1, 28, 28), float32 in [0, 1].

    Raises:
        UserError: a file is missing.
    """
    try:
        records = pd.read_csv(stem.with_suffix(".csv"))
        with np.load(stem.with_suffix(".npz")) as archive:
            return records, torch.from_numpy(archive["image"].astype(np.float32) / GREY_LEVELS)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not here; take it from git, or run: dvc repro") from None
