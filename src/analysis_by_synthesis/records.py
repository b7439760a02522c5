"""Results on disk. The primary data are per-sample records: a CSV per attack cell, its adversarials beside it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.stage import Problem, replacing

ATTACKS = Path("results/attacks")
CLEAN = Path("results/clean")
BOUNDS = Path("results/bounds")
PIXEL_LEVELS = 65535  # 16 bits a pixel; MNIST's own 256 grey levels are among them


def onto_grid(x: Tensor) -> Tensor:
    """Round images in [0, 1] to the pixel values that are stored."""
    return (x * PIXEL_LEVELS).round() / PIXEL_LEVELS


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table, its index too where that has a name; six digits."""
    with replacing(path) as partial:
        table.to_csv(partial, index=table.index.name is not None, float_format="%.6g")


def write_attack(cell: str, records: dict[str, Tensor]) -> None:
    """Write results/attacks/<cell>.csv and .npz; `records` are columns (N,), and `adversarial` (N, 1, 28, 28)."""
    columns = {name: column.numpy() for name, column in records.items() if name != "adversarial"}
    pixels = (records["adversarial"] * PIXEL_LEVELS).round().numpy().astype(np.uint16)
    write_csv(ATTACKS / f"{cell}.csv", pd.DataFrame(columns))
    with replacing(ATTACKS / f"{cell}.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, adversarial=pixels)


def read_attack(cell: str) -> pd.DataFrame:
    """The records of a cell, a row per sample."""
    return _read(ATTACKS / f"{cell}.csv").set_index("index")


def read_adversarials(cell: str) -> Tensor:
    """The adversarials of a cell (N, 1, 28, 28), float32 in [0, 1]; the clean image where none was found."""
    with np.load(ATTACKS / f"{cell}.npz") as archive:
        return torch.from_numpy(archive["adversarial"].astype(np.float32) / PIXEL_LEVELS)


def write_clean(model: str, labels: Tensor, predicted: Tensor) -> None:
    """Write results/clean/<model>.csv: index, label and predicted class of every test image."""
    table = pd.DataFrame({"label": labels.numpy(), "predicted": predicted.numpy()})
    write_csv(CLEAN / f"{model}.csv", table.rename_axis("index"))


def read_clean(model: str) -> pd.DataFrame:
    """The clean predictions of a model, a row per test image."""
    return _read(CLEAN / f"{model}.csv").set_index("index")


def read_bounds(model: str) -> pd.DataFrame:
    """The lower bounds of a model, a row per test image, a column per norm."""
    return _read(BOUNDS / f"{model}.csv").set_index("index")


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise Problem(f"{path} is not here; take it from git, or run: dvc repro") from None
