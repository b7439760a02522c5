"""Bounds of given test images: `python -m analysis_by_synthesis.bounds MODEL NORM IMAGE ...`."""

import argparse

import pandas as pd

from analysis_by_synthesis.bounds.cuts import bracket
from analysis_by_synthesis.bounds.records import records
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.stage import run


def bounds(model: str, norm: Norm, chosen: list[int], effort: str | None = None) -> pd.DataFrame:
    """A row for each of these test images: image, label, and what `records` says; empty where it is misclassified already.

    Raises:
        UserError: there is no such test image or effort.
    """
    (settings,) = read({"bounds": BoundsSettings})
    images, labels = load("test")
    if outside := [i for i in chosen if not 0 <= i < len(labels)]:
        raise UserError(f"there is no test image {outside[0]}; name some of 0 to {len(labels) - 1}.")
    if effort is not None and effort not in settings.search:
        raise UserError(
            f"there is no effort {effort}; params.yaml has {', '.join(settings.search)} under bounds.search."
        )
    search, where = settings.search[effort or settings.effort], device()
    loaded = load_model(model, device=where)
    x, y = images[chosen].to(where), labels[chosen].to(where)
    right = predict(loaded, x) == y
    found = records(bracket(Recorder(loaded, x[right], y[right], norm), search), search)
    rows = pd.DataFrame({name: column.cpu() for name, column in found.items()}, index=right.nonzero()[:, 0].tolist())
    return pd.DataFrame({"image": chosen, "label": labels[chosen]}).join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis_by_synthesis.bounds", description=__doc__)
    parser.add_argument("model", choices=["abs", "binary_abs"])
    parser.add_argument("norm", choices=NORMS)
    parser.add_argument("images", nargs="+", type=int, metavar="IMAGE", help="the index of a test image")
    parser.add_argument(
        "--effort", help="one of those under bounds.search in params.yaml; bounds.effort if it isn't given"
    )
    chosen = parser.parse_args()
    print(bounds(chosen.model, chosen.norm, chosen.images, chosen.effort).to_string(index=False))


if __name__ == "__main__":
    run(main)
