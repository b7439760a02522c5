"""Results on disk: where they lie, and how tables and numbers are written."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from analysis_by_synthesis.stage import Problem, replacing

ATTACKS = Path("results/attacks")
CLEAN = Path("results/clean")
BOUNDS = Path("results/bounds")


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index; six digits."""
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def read_records(path: Path) -> pd.DataFrame:
    """Per-sample records, by their column `index`.

    Raises:
        Problem: the file is missing.
    """
    try:
        return pd.read_csv(path, index_col="index")
    except FileNotFoundError:
        raise Problem(f"{path} is not here; take it from git, or run: dvc repro") from None
