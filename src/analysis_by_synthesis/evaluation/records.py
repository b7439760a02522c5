"""The records of one attack on one model: a CSV with a row per sample, and the adversarials with 16 bits a pixel."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import write_arrays, write_csv

PIXEL_LEVELS = 65535  # MNIST's own 256 grey levels are among them


def onto_grid(x: Tensor) -> Tensor:
    """Round images in [0, 1] to the pixel values that are stored."""
    return (x * PIXEL_LEVELS).round() / PIXEL_LEVELS


def write_attack(stem: Path, records: dict[str, Tensor]) -> None:
    """Write <stem>.csv and .npz; `records` are columns (N,), and `adversarial` (N, 1, 28, 28)."""
    columns = {name: column.numpy() for name, column in records.items() if name != "adversarial"}
    pixels = (records["adversarial"] * PIXEL_LEVELS).round().numpy().astype(np.uint16)
    write_csv(stem.with_suffix(".csv"), pd.DataFrame(columns))
    write_arrays(stem.with_suffix(".npz"), adversarial=pixels)


def read_adversarials(stem: Path) -> Tensor:
    """The adversarials of a cell (N, 1, 28, 28), float32 in [0, 1]; the clean image where none was found.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = stem.with_suffix(".npz")
    try:
        with np.load(path) as archive:
            return torch.from_numpy(archive["adversarial"].astype(np.float32) / PIXEL_LEVELS)
    except Exception as error:  # damaged files lead numpy to all kinds of them
        raise UserError(f"{path} can't be read ({error}); take it from git, or run: dvc repro") from None
