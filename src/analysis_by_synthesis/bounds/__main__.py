"""Bounds of given test images: `python -m analysis_by_synthesis.bounds MODEL NORM INDEX ...`."""

import argparse
from pathlib import Path

import pandas as pd

from analysis_by_synthesis.bounds.records import BoundsSettings, lower_bounds
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import Problem, device, run


def bounds(model: str, norm: str, indices: list[int], effort: str | None = None) -> pd.DataFrame:
    """A row for each test image: index, label and what `lower_bounds` returns.

    Raises:
        Problem: there is no such test image or effort.
    """
    (settings,) = read({"bounds": BoundsSettings})
    images, labels = load("test")
    if outside := [i for i in indices if not 0 <= i < len(labels)]:
        raise Problem(f"there is no test image {outside[0]}; name some of 0 to {len(labels) - 1}.")
    if effort is not None and effort not in settings.search:
        raise Problem(f"there is no effort {effort}; params.yaml has {', '.join(settings.search)} under bounds.search.")
    search = settings.search[effort or settings.effort]
    where = device()
    found = lower_bounds(load_model(model, device=where), images[indices].to(where), labels[indices].to(where), norm, search)
    return pd.DataFrame({"index": indices, "label": labels[indices]} | {name: t.cpu() for name, t in found.items()})


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis_by_synthesis.bounds", description=__doc__)
    parser.add_argument("model", choices=["abs", "binary_abs"])
    parser.add_argument("norm", choices=NORMS)
    parser.add_argument("indices", nargs="+", type=int, metavar="INDEX", help="of a test image")
    parser.add_argument("--effort", help="one of those under bounds.search in params.yaml; bounds.effort if it isn't given")
    chosen = parser.parse_args(arguments)
    print(bounds(chosen.model, chosen.norm, chosen.indices, chosen.effort).to_string(index=False))


if __name__ == "__main__":
    run(main)
