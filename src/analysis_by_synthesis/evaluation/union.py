"""Accuracy under the union of L2, Linf and L0 perturbations: an image has to withstand each norm up to its threshold."""

from collections.abc import Iterator, Mapping

import pandas as pd

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.statistics import share, withstood
from analysis_by_synthesis.params.report import MODEL_LABELS

Tables = Mapping[tuple[Norm, str], pd.DataFrame]  # by norm and model: a row per image, a column per attack or bound
COLUMNS = ["by", "model", "n", "accuracy", "accuracy_low", "accuracy_high", *(f"accuracy_{norm}" for norm in NORMS)]


def union_accuracy(judges: Mapping[str, Tables], thresholds: Mapping[Norm, float], min_images: int) -> pd.DataFrame:
    """A row for each judge and each model of Table 1, on the images that the judge has distances of in every norm.

    Args:
        judges: distances by the name of the attacks or bounds that they come from.
        thresholds: a distance has to be larger.
        min_images: a row of fewer images is left out.

    Returns:
        by, model, n, accuracy with its 95 % interval, and accuracy_NORM: under one norm alone, on the same images.
    """
    return pd.DataFrame(_rows(judges, thresholds, min_images), columns=COLUMNS)


def _rows(
    judges: Mapping[str, Tables], thresholds: Mapping[Norm, float], min_images: int
) -> Iterator[tuple[str | float, ...]]:
    for name, tables in judges.items():
        for model in MODEL_LABELS:
            if not all((norm, model) in tables for norm in NORMS):
                continue
            each = [withstood(tables[norm, model].min(axis=1), thresholds[norm]) for norm in NORMS]
            together = pd.concat(each, axis=1, join="inner")
            if len(together) >= min_images:
                accuracy = share(together.all(axis=1).sum(), len(together))
                yield name, model, len(together), *accuracy, *together.mean()
