"""What more effort is worth: mean bound of ABS, and share that the check disproves, against seconds of one CPU.

For each effort under bounds.search in params.yaml, on the images of the random order that come after those with published bounds. Written
to metrics/bounds_benchmark.csv, norm by norm; another file to write to may be given.
"""

import sys
from pathlib import Path

import pandas as pd

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.check import effort_curve
from analysis_by_synthesis.bounds.cuts import bracket
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.bounds_check import CheckSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import write_csv

IMAGES = 12
NORMS: tuple[Norm, ...] = ("l2", "linf")


def main(output: str = "metrics/bounds_benchmark.csv") -> None:
    device()
    project = Project.here()
    order, bounds, check = read({"order": int, "bounds": BoundsSettings, "bounds_check": CheckSettings}, project.params)
    model = load_model("abs", project.models)
    begin = bounds.images["abs"]
    images, labels = (part[in_order(order)[begin : begin + IMAGES]] for part in load("test", project.mnist))
    right = predict(model, images) == labels
    curves = []
    for norm in NORMS:
        bracket(Recorder(model, images[right][:1], labels[right][:1], norm), bounds.search["quick"])  # compiles
        curve = effort_curve(model, images[right], labels[right], norm, bounds.search, check)
        curves.append(curve.assign(norm=norm, n=int(right.sum())))
        table = pd.concat(curves)
        write_csv(Path(output), table[["norm", "n", *curve.columns]])
        print(curve.to_string(index=False), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
