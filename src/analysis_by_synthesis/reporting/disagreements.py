"""Where a median differs from the paper's by more than a factor, and what we know of the reason."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis_by_synthesis.evaluation.results import Row

EXPLANATIONS = Path("paper/disagreements.csv")  # norm, attack, model, why
UNEXPLAINED = "not explained yet"


def disagreements(table: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The entries of Table 1 whose median is more than `factor` times the paper's, or less than 1 / `factor` of it.

    Returns:
        norm, attack, model, n, median, paper_median, ratio, and why; a finite median against an infinite one counts.
    """
    ours, theirs = table["median"], table["paper_median"]
    with np.errstate(invalid="ignore"):
        ratio = ours / theirs
    differs = theirs.notna() & ~ratio.between(1 / factor, factor) & ~(np.isinf(ours) & np.isinf(theirs))
    found = table.assign(ratio=ratio)[differs][[*Row._fields, "n", "median", "paper_median", "ratio"]]
    why = pd.read_csv(EXPLANATIONS).set_index(list(Row._fields))["why"]
    return found.join(why, on=list(Row._fields)).fillna({"why": UNEXPLAINED}).reset_index(drop=True)


def as_markdown(found: pd.DataFrame, factor: float) -> str:
    """One sentence for each."""
    if found.empty:
        return f"No median differs from the paper's by more than a factor of {factor}.\n"
    lines = [f"Medians that differ from the paper's by more than a factor of {factor}:", ""]
    for row in found.itertuples():
        lines.append(f"* {row.attack}, {row.model}: {row.median:.3g} instead of {row.paper_median:.3g}: {row.why}.")
    return "\n".join(lines) + "\n"
