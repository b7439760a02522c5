"""An attack on the search itself: images that one search gets wrong although a lower bound says that the minimum does not.

A bound is about the global minimum, and so are the arbiter's verdicts, as far as its search goes. A classifier whose search
ends elsewhere can be fooled by closer images.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.boundary import walk
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.records import onto_grid
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
            where they are the same, or where the search sees the true class in them.
        candidates: so many of each walk's closest images are asked about again with the pixels that are stored.
        labels: true classes (N,).

    Returns:
        begun: whether there was a walk; predicted: class of the closest image that was found, by the search; arbiter: by the arbiter; l2: its distance, inf where
        there is none; queries; adversarial (N, 1, 28, 28), the image itself where there is none.
    """
    attacked = BySearch(model, search)
    recorder = Recorder(attacked, images, labels, "l2", candidates, sees=settings.sees)
    begun = (distance(images, starts, "l2") > 0) & (predict(model, starts, search) != labels)
    rows = begun.nonzero()[:, 0]
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
        "begun": begun, "predicted": predict(model, adversarials, search), "arbiter": predict(model, adversarials),
        "l2": away.masked_fill(~found, torch.inf), "queries": recorder.queries, "adversarial": adversarials,
    }  # fmt: skip
