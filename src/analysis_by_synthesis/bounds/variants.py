"""The paper's bounds as it may have computed them, each beside the interval that the paper prints."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm as normal

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.statistics import CONFIDENCE, Estimate, median

STATISTICS = {"l2": "mean", "linf": "median"}  # what the paper reports


class Variant(NamedTuple):
    """A way to compute a bound of the paper."""

    norm: Norm
    words: str


VARIANTS = {  # by its column in the records of bounds.paper
    "l2": Variant("l2", "eq. 8, as printed"),
    "l2_reconstruction": Variant("l2", "eq. 8, D_y without the latent prior"),
    "l2_with_prior": Variant("l2", "eq. 8, d_c at the latents of D_c"),
    "linf": Variant("linf", "from eq. 12"),
    "linf_reconstruction": Variant("linf", "from eq. 12, D_y without the latent prior"),
}


class Row(NamedTuple):
    """A variant for a model.

    Attributes:
        value, low, high: mean or median over images of the bounds averaged over seeds, with its 95 % interval over images.
        search_error: standard deviation of that mean or median over seeds; nan of a single one.
        paper_low, paper_high: the ends of the interval that the paper prints.
        meets: whether the two intervals meet.
    """

    model: str
    norm: Norm
    variant: str
    statistic: str
    images: int
    seeds: int
    value: float
    low: float
    high: float
    search_error: float
    paper_low: float
    paper_high: float
    meets: bool


def variants(
    records: Mapping[str, pd.DataFrame], printed: Mapping[tuple[str, str], tuple[float, float]]
) -> pd.DataFrame:
    """A `Row` for each model and each variant that there are records of.

    Args:
        records: of bounds.paper by model: by image, with the column seed.
        printed: the ends of the paper's intervals, by model and norm.
    """
    return pd.DataFrame(_rows(records, printed), columns=Row._fields)


def _rows(records: Mapping[str, pd.DataFrame], printed: Mapping[tuple[str, str], tuple[float, float]]) -> Iterator[Row]:
    for model, table in records.items():
        for column, (norm, words) in VARIANTS.items():
            if column not in table:
                continue
            bounds = table.pivot(columns="seed", values=column)
            per_image, per_seed = bounds.mean(axis=1).to_numpy(), bounds.agg(STATISTICS[norm])
            estimate = mean(per_image) if norm == "l2" else median(per_image)
            low, high = printed[model, norm]
            yield Row(
                model, norm, words, STATISTICS[norm], images=bounds.shape[0], seeds=bounds.shape[1],
                value=estimate.value, low=estimate.low, high=estimate.high, search_error=float(per_seed.std()),
                paper_low=low, paper_high=high, meets=estimate.low <= high and low <= estimate.high,
            )  # fmt: skip


def mean(values: np.ndarray) -> Estimate:
    """The mean of values (N,) and its normal interval."""
    value = float(values.mean())
    half = float(normal.ppf((1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(value, value - half, value + half)
