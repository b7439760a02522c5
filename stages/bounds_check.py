"""Are the bounds too large? A search of its own tries to disprove them, on a random sample of the test images."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.bounds.check import check_arbiter, check_bounds, sample
from analysis_by_synthesis.bounds.records import BoundsSettings, CheckSettings
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.files import BOUNDS, write_csv
from analysis_by_synthesis.models import model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run


def main(name: str) -> None:
    module = model_module(name)
    bounds, check, *model_parameters = read({"bounds": BoundsSettings, "bounds_check": CheckSettings, **module.PARAMETERS})
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = load("test")
    index = sample(check.images, len(labels), check.seed)
    images, labels = images[index].to(device()), labels[index].to(device())
    tables = [check_bounds(model, images, labels, norm, bounds.chosen, check) for norm in progress(NORMS, name)]
    records = pd.concat(tables).merge(check_arbiter(model, images, labels, check), on="row")
    records.insert(0, "index", index[records.pop("row").to_numpy()].numpy())
    write_csv(BOUNDS / f"{name}-searches.csv", records)


if __name__ == "__main__":
    run(main)
