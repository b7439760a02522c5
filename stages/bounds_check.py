"""How far the bounds depend on the search over z: a comparison with shorter and longer searches."""

import time

import pandas as pd

from analysis_by_synthesis.bounds.cuts import CutSettings
from analysis_by_synthesis.bounds.records import CheckSettings, compare_searches
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_csv
from analysis_by_synthesis.pipeline.paths import BOUNDS, MODELS
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.stage import run


def main(model: str) -> None:
    order, search, check = read({"order": int, "bounds.search": CutSettings, "bounds_check": CheckSettings})
    code = recorded(["stages.bounds_check", f"models.{model}"])
    began, where = time.perf_counter(), device()
    loaded = load_model(model, MODELS, where)
    chosen = in_order(order)[: check.images]
    images, labels = (part[chosen].to(where) for part in load("test"))
    tables = [
        compare_searches(loaded, images, labels, norm, search, check).assign(image=lambda t: t["image"].map(chosen.__getitem__))
        for norm in progress(NORMS, model)
    ]
    write_csv(BOUNDS / f"{model}-searches.csv", pd.concat(tables))
    facts = {"samples": check.images, "order": order}
    write_card(BOUNDS / f"{model}-searches.json", code, device_name(where), time.perf_counter() - began, **facts)


if __name__ == "__main__":
    run(main)
