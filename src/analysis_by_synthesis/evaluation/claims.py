"""What the paper claims in words, each with the statistic that would show it, and a verdict from the records."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.evidence import Evidence
from analysis_by_synthesis.evaluation.statistics import CONFIDENCE, Estimate, withstood
from analysis_by_synthesis.params.claims import ClaimSettings

DIAMETER: dict[Norm, float] = {"l2": 28.0, "linf": 1.0, "l0": 784.0}  # no distance in [0, 1]^784 is larger
NO_ATTACKS, CLOSEST = "no attacks", "closest adversarials of all attacks"  # evidence that is the same for all kinds

Statistic = Callable[[np.ndarray], np.ndarray]  # of samples (..., N, columns)
Verdict = Literal["holds", "does not hold", "open"]


class Judged(NamedTuple):
    """A statistic and what it is compared with: the claim holds where it lies above.

    Attributes:
        estimate: with its 95 % interval; None where there are too few records.
        n: images, or whatever was counted.
        above: where the claim begins to hold.
        below: the end of the interval that the paper prints, which begins at `above`; none if inf.
    """

    estimate: Estimate | None
    n: int
    above: float = 0.0
    below: float = np.inf

    def verdict(self) -> Verdict:
        """Holds or not where the whole interval lies on one side, and open where it doesn't; a number holds where intervals meet."""
        if self.estimate and np.isfinite(self.below):
            meet = self.estimate.low <= self.below and self.above <= self.estimate.high
            return "holds" if meet else "does not hold"
        if self.estimate is None or self.estimate.low <= self.above < self.estimate.high:
            return "open"
        return "holds" if self.estimate.low > self.above else "does not hold"


class Claim(NamedTuple):
    """A sentence of the paper.

    Attributes:
        where: it stands.
        claim: in the paper's words, shortened.
        statistic: that would show it, in words; it has to be above a number.
        judge: it.
        evidence: the one kind that it is judged by; None if it is judged by every kind of attacks.
    """

    where: str
    claim: str
    statistic: str
    judge: Callable[[Evidence, ClaimSettings], Judged]
    evidence: str | None = None


def judge(claims: tuple[Claim, ...], evidence: Mapping[str, Evidence], settings: ClaimSettings) -> pd.DataFrame:
    """Every claim by every kind of evidence.

    Args:
        evidence: by the name of its attacks.

    Returns:
        where, claim, statistic, evidence, n, value with its interval low to high, above, below, verdict.
    """
    return pd.DataFrame(_rows(claims, evidence, settings)).astype({"n": int})


def _rows(
    claims: tuple[Claim, ...], evidence: Mapping[str, Evidence], settings: ClaimSettings
) -> Iterator[dict[str, Any]]:
    for claim in claims:
        for name, records in [(claim.evidence, next(iter(evidence.values())))] if claim.evidence else evidence.items():
            judged = claim.judge(records, settings)
            value = judged.estimate or Estimate(np.nan, np.nan, np.nan)
            yield {
                "where": claim.where, "claim": claim.claim, "statistic": claim.statistic, "evidence": name, "n": judged.n,
                **value._asdict(), "above": judged.above, "below": judged.below, "verdict": judged.verdict(),
            }  # fmt: skip


def bootstrap(values: np.ndarray, statistic: Statistic, settings: ClaimSettings) -> Estimate:
    """A statistic of images (N, columns), with the percentiles of resampled images: columns stay together."""
    draws = np.random.default_rng(settings.seed).integers(len(values), size=(settings.resamples, len(values)))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(statistic(values[draws]), [tail, 100 - tail])
    return Estimate(float(statistic(values)), float(low), float(high))


# --- Statistics -------------------------------------------------------------------------------------------------------------


def means(values: np.ndarray) -> np.ndarray:
    """Of the images (..., N, columns)."""
    found: np.ndarray = values.mean(-2)
    return found


def medians(distances: np.ndarray) -> np.ndarray:
    """Of the images (..., N, columns)."""
    found: np.ndarray = np.median(distances, axis=-2)
    return found


def accuracies(threshold: float) -> Statistic:
    """The share of the images (..., N, columns) whose distance is above a threshold."""

    def above(distances: np.ndarray) -> np.ndarray:
        found: np.ndarray = withstood(distances, threshold).mean(-2)
        return found

    return above


def compared(
    evidence: Evidence,
    norm: Norm,
    better: tuple[str, ...],
    worse: tuple[str, ...],
    of: Statistic,
    settings: ClaimSettings,
) -> Judged:
    """By how much the least of the better models exceeds the greatest of the worse ones, on the images that all have."""
    models = *better, *worse
    if any((norm, model) not in evidence.distances for model in models):
        return Judged(None, 0)
    smallest = [evidence.distances[norm, model].min(axis=1) for model in models]
    together = pd.concat(smallest, axis=1, join="inner").clip(upper=DIAMETER[norm]).to_numpy()

    def difference(distances: np.ndarray) -> np.ndarray:
        each = of(distances)
        least = each[..., : len(better)].min(-1)
        return np.asarray(least - each[..., len(better) :].max(-1))

    return Judged(bootstrap(together, difference, settings), len(together))
