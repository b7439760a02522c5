"""The records of one attack on one model: a CSV with a row per sample, and the adversarials with 16 bits a pixel."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.files import ATTACKS, write_csv
from analysis_by_synthesis.stage import replacing

PIXEL_LEVELS = 65535  # MNIST's own 256 grey levels are among them


def onto_grid(x: Tensor) -> Tensor:
    """Round images in [0, 1] to the pixel values that are stored."""
    return (x * PIXEL_LEVELS).round() / PIXEL_LEVELS


def write_attack(cell: str, records: dict[str, Tensor]) -> None:
    """Write results/attacks/<cell>.csv and .npz; `records` are columns (N,), and `adversarial` (N, 1, 28, 28)."""
    columns = {name: column.numpy() for name, column in records.items() if name != "adversarial"}
    pixels = (records["adversarial"] * PIXEL_LEVELS).round().numpy().astype(np.uint16)
    write_csv(ATTACKS / f"{cell}.csv", pd.DataFrame(columns))
    with replacing(ATTACKS / f"{cell}.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, adversarial=pixels)


def read_adversarials(cell: str) -> Tensor:
    """The adversarials of a cell (N, 1, 28, 28), float32 in [0, 1]; the clean image where none was found."""
    with np.load(ATTACKS / f"{cell}.npz") as archive:
        return torch.from_numpy(archive["adversarial"].astype(np.float32) / PIXEL_LEVELS)
