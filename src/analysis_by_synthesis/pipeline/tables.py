"""Tables and arrays on disk."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index; six digits."""
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as a compressed NPZ file, the same bytes for the same arrays."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_records(path: Path) -> pd.DataFrame:
    """Per-sample records, by the test image that they are about: their column `image`.

    Raises:
        UserError: the file is missing.
    """
    try:
        return pd.read_csv(path, index_col="image")
    except FileNotFoundError:
        raise UserError(f"{path} is not here; take it from git, or run: dvc repro") from None
