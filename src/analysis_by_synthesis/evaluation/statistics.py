"""Medians and accuracies with 95 % intervals that depend on nothing but the sample itself."""

import math
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest

CONFIDENCE = 0.95
STORED = 3e-5  # share of a threshold that the 16 bits of stored pixels may add to a distance

Distances = TypeVar("Distances", np.ndarray, pd.Series)


class Estimate(NamedTuple):
    """A statistic, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def median(distances: np.ndarray) -> Estimate:
    """The median of distances (N,), its interval between two of their order statistics.

    inf counts as a distance; the mean of two middle values with inf is inf. With fewer than six distances there are no such
    order statistics, and all that is known is that distances lie between 0 and infinity.
    """
    ordered, n = np.sort(distances), len(distances)
    rank = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))  # so many distances may lie below the interval
    low, high = (ordered[rank - 1], ordered[n - rank]) if rank else (0.0, np.inf)
    return Estimate(float(np.median(ordered)), float(low), float(high))


def share(successes: int, n: int) -> Estimate:
    """The share of n trials that succeeded, with Wilson's interval; unknown of no trial."""
    if not n:
        return Estimate(math.nan, 0.0, 1.0)
    interval = binomtest(int(successes), int(n)).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high))


def withstood(distances: Distances, threshold: float) -> Distances:
    """Which distances exceed a threshold, and not by what rounding to stored pixels adds."""
    return distances > threshold * (1 + STORED)


def accuracy_curve(distances: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Share of the distances (N,) above each value of the grid (M,)."""
    above: np.ndarray = (distances[None, :] > grid[:, None]).mean(1)
    return above
