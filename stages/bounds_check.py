"""How far the bounds depend on the search over z: a comparison with shorter and longer searches."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.bounds.cuts import CutSettings
from analysis_by_synthesis.bounds.records import CheckSettings, compare_searches
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.files import BOUNDS, write_csv
from analysis_by_synthesis.models import model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run


def main(name: str) -> None:
    module = model_module(name)
    search, check, *model_parameters = read(
        {"bounds.search": CutSettings, "bounds_check": CheckSettings, **module.PARAMETERS}
    )
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[: check.images].to(device()) for part in load("test"))
    tables = [compare_searches(model, images, labels, norm, search, check) for norm in progress(NORMS, name)]
    write_csv(BOUNDS / f"{name}-searches.csv", pd.concat(tables))


if __name__ == "__main__":
    run(main)
