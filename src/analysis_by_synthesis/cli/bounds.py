"""Bounds of given test images."""

import pandas as pd

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.cuts import bracket
from analysis_by_synthesis.bounds.records import records
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import Metric
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project


def bounds(project: Project, name: str, norm: Metric, chosen: list[int], effort: str | None) -> pd.DataFrame:
    """A row for each of these test images: image, label, and what `records` says; empty where it is misclassified already.

    Args:
        name: of the model.
        effort: a search under bounds.search in params.yaml; bounds.effort if None.

    Raises:
        UserError: there is no such test image or effort.
    """
    (settings,) = read({"bounds": BoundsSettings}, project.params)
    images, labels = load("test", project.mnist)
    if outside := [i for i in chosen if not 0 <= i < len(labels)]:
        raise UserError(f"there is no test image {outside[0]}; name some of 0 to {len(labels) - 1}.")
    if effort is not None and effort not in settings.search:
        raise UserError(
            f"there is no effort {effort}; params.yaml has {', '.join(settings.search)} under bounds.search."
        )
    search, where = settings.search[effort or settings.effort], device()
    model = load_model(name, project.models, where)
    x, y = images[chosen].to(where), labels[chosen].to(where)
    right = predict(model, x) == y
    found = records(bracket(Recorder(model, x[right], y[right], norm), search), search)
    rows = pd.DataFrame({name: column.cpu() for name, column in found.items()}, index=right.nonzero()[:, 0].tolist())
    return pd.DataFrame({"image": chosen, "label": labels[chosen]}).join(rows)
