"""The medians of Table 1 that are far from the paper's, and what the records say of the cause."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis_by_synthesis.evaluation.results import Row
from analysis_by_synthesis.evaluation.table1 import AGREES

KEYS = list(Row._fields)
OPEN = "open: nothing that was run says why"
SHRUNK = 1.001  # rounding to what is stored changes less


def disagreements(table: pd.DataFrame, authors: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The entries of Table 1 whose median is more than `factor` times the paper's, or less than 1 / `factor` of it.

    Args:
        table: as of evaluation.table1.
        authors: as of evaluation.control.authors_table.

    Returns:
        norm, attack, model, n, median, paper_median, ratio, and why: each experiment that was run, and whether it gives the
        paper's number; a finite median against an infinite one counts.
    """
    ours, theirs = table["median"], table["paper_median"]
    with np.errstate(invalid="ignore"):
        ratio = ours / theirs
    differs = theirs.notna() & ~ratio.between(1 / factor, factor) & ~(np.isinf(ours) & np.isinf(theirs))
    found = table.assign(ratio=ratio)[differs].reset_index(drop=True)
    found["why"] = ["; ".join(_evidence(row, authors)) or OPEN for _, row in found.iterrows()]
    return found[[*KEYS, "n", "median", "paper_median", "ratio", "why"]]


def _evidence(row: pd.Series, authors: pd.DataFrame) -> Iterator[str]:
    if row["as_found"] > row["median"] * SHRUNK:
        yield _sentence(
            "before adversarials are shrunk to the nearest image with the same binarisation", row, "as_found"
        )
    if pd.notna(row["first_step"]):
        yield _sentence("with the first difference step alone", row, "first_step")
    same = (authors["norm"] == row["norm"]) & (authors["attack"] == row["attack"])
    for _, theirs in authors[same & (authors["compared_with"] == row["model"]) & authors["median"].notna()].iterrows():
        yield _sentence(f"on the authors' {theirs['label']}", theirs, "median")


def _sentence(where: str, row: pd.Series, name: str) -> str:
    value, low, high = (f"{row[column]:.3g}" for column in (name, f"{name}_low", f"{name}_high"))
    verdict = "as in the paper" if row[f"{name}_verdict"] == AGREES else "not the paper's either"
    return f"{where} it is {value} ({low} to {high}), {verdict}".replace("inf", "∞")
