"""An attack on the search itself: images that one search gets wrong although a lower bound says that the minimum does not.

A bound is about the global minimum, and so are the arbiter's verdicts, as far as its search goes. A classifier whose search
ends elsewhere can be fooled by closer images.
"""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.boundary import walk
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.summary import ROUNDING
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.records import onto_grid
from analysis_by_synthesis.evaluation.statistics import share
from analysis_by_synthesis.models import logits, predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attacks.boundary import Settings


class BySearch(Classifier):
    """A model that decides by one of its searches (models.SEARCHES), begun anew for every image."""

    def __init__(self, model: Classifier, search: str) -> None:
        super().__init__()
        self.image_shape, self.classes = model.image_shape, model.classes
        self.model, self.search = model, search

    def forward(self, x: Tensor) -> Tensor:
        return logits(self.model, x, self.search)


def attack_search(
    model: Classifier,
    search: str,
    images: Tensor,
    labels: Tensor,
    starts: Tensor,
    settings: Settings,
    candidates: int,
) -> dict[str, Tensor]:
    """Walk along the decision boundary of a search.

    Args:
        images, starts: (N, 1, 28, 28); the walks begin at the latter, which should be taken for another class. There is none
            where they are the same.
        candidates: so many of each walk's closest images are asked about again with the pixels that are stored.
        labels: true classes (N,).

    Returns:
        predicted: class of the closest image that was found, by the search; arbiter: by the arbiter; l2: its distance, inf where
        there is none; queries; adversarial (N, 1, 28, 28), the image itself where there is none.
    """
    attacked = BySearch(model, search)
    recorder = Recorder(attacked, images, labels, "l2", candidates, sees=settings.sees)
    rows = (distance(images, starts, "l2") > 0).nonzero()[:, 0]
    if len(rows):
        walk(recorder, starts[rows], rows, settings)
    adversarials, found = images.clone(), torch.zeros_like(labels, dtype=torch.bool)
    for sample, label in enumerate(labels):
        if closest := recorder.closest(sample):
            stored = onto_grid(torch.stack(closest))
            fooled = (predict(model, stored, search) != label).nonzero()[:, 0]
            if len(fooled):
                adversarials[sample], found[sample] = stored[fooled[0]], True
    away = distance(images, adversarials, "l2")
    return {
        "predicted": predict(model, adversarials, search), "arbiter": predict(model, adversarials),
        "l2": away.masked_fill(~found, torch.inf), "queries": recorder.queries, "adversarial": adversarials,
    }  # fmt: skip


def summarise_attacks(records: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row per search.

    Args:
        records: by search: label, lower (the bound), start and l2 (distances), predicted and arbiter (classes), by image.

    Returns:
        search, n, below: images that it gets wrong at less than their bound, with the 95 % interval of their share;
        below_by_arbiter: those that the arbiter gets wrong too, which disprove the bound; median of start / lower and of
        l2 / lower, and the least l2 / lower.
    """
    rows = []
    for search, table in records.items():
        below = table["l2"] * (1 + ROUNDING) < table["lower"]
        rate = share(below.sum(), len(table))
        rows.append({
            "search": search, "n": len(table), "below": int(below.sum()), "share": rate.value, "share_low": rate.low,
            "share_high": rate.high, "below_by_arbiter": int((below & (table["arbiter"] != table["label"])).sum()),
            "median_start_ratio": (table["start"] / table["lower"]).median(),
            "median_ratio": (table["l2"] / table["lower"]).median(), "least_ratio": (table["l2"] / table["lower"]).min(),
        })  # fmt: skip
    return pd.DataFrame(rows)
