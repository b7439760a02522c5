"""L1, which the paper leaves out: how far the closest adversarials of all attacks are, and the bounds below them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from analysis_by_synthesis.bounds.summary import bracket, fallen, summarise_check
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.statistics import median
from analysis_by_synthesis.params.report import MODEL_LABELS

COLUMNS = [
    "model", "n", "median", "median_low", "median_high",
    "bounds", "median_lower", "median_ratio", "checked", "disproved",
]  # fmt: skip


def l1_table(
    cells: Mapping[Row, Cell],
    names: Collection[str],
    bounds: Mapping[str, pd.DataFrame],
    checks: Mapping[str, pd.DataFrame],
    disproved: float,
) -> pd.DataFrame:
    """A row for each model of Table 1.

    Args:
        cells: whose adversarials are measured in L1, whatever their attack has minimised.
        names: of the attacks that are taken together, on the images that all of them were given.
        bounds, checks: records of the L1 bounds and of their check, by image, by model.
        disproved: share of itself by which a bound has to fall to count as disproved.

    Returns:
        model; n and the median with its 95 % interval, of the smallest distances; where there are bounds, their number,
        their median, that of the smallest distance of any attack over the bound, and how many were checked and disproved.

    Raises:
        UserError: a bound is above the distance of an adversarial.
    """
    return pd.DataFrame(_rows(cells, names, bounds, checks, disproved), columns=COLUMNS)


def _rows(
    cells: Mapping[Row, Cell],
    names: Collection[str],
    bounds: Mapping[str, pd.DataFrame],
    checks: Mapping[str, pd.DataFrame],
    disproved: float,
) -> Iterator[dict[str, Any]]:
    for model in MODEL_LABELS:
        own = [cell for row, cell in cells.items() if row.model == model]
        guided = [bounds[model]["l1"]] if model in bounds else []
        together = [cell.records["l1"] for cell in own if cell.attack in names]
        closest = pd.concat(together + guided, axis=1, join="inner").min(axis=1)
        value, low, high = median(closest.to_numpy())
        row = {"model": model, "n": len(closest), "median": value, "median_low": low, "median_high": high}
        if model in bounds:
            upper = pd.concat([cell.records["l1"] for cell in own] + guided, axis=1).min(axis=1)
            both = bracket(fallen(bounds[model], checks[model]), upper, "l1")
            check = summarise_check(checks[model], disproved)
            row |= {
                "bounds": len(both), "median_lower": both["lower"].median(), "median_ratio": both["ratio"].median(),
                "checked": check["n"], "disproved": check["disproved"],
            }  # fmt: skip
        yield row
