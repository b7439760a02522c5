"""Are the bounds too large? A search of its own tries to disprove them, on the CPU, where its solvers are."""

from functools import cache, partial
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.bounds.check import check_arbiter, check_bounds
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import METRICS, Metric
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import ABS, with_latents
from analysis_by_synthesis.params.bounds import CutSettings
from analysis_by_synthesis.params.bounds_check import CheckSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work

CHUNK = 5  # images between two savings, always whole, so that more images go on from there; no result depends on it


def main(project: Project, model: str) -> Steps:
    order, effort, check = read({"order": int, "bounds.effort": str, "bounds_check": CheckSettings}, project.params)
    (search,) = read({f"bounds.search.{effort}": CutSettings}, project.params)
    code = recorded(project, "stages.bounds_check", f"models.{model}")
    parameters = {"order": order, "search": search, "check": check.model_dump(exclude={"images", "seeds"})}
    inputs = [project.models / model, project.mnist]
    checkpoints = Checkpoints(f"bounds_check/{model}", code, parameters, inputs, project.work)
    ordered = in_order(order)

    @cache
    def loaded() -> tuple[ABS, Tensor, Tensor]:
        return with_latents(load_model(model, project.models)), *load("test", project.mnist)

    def chunk(norm: Metric, seed: int, start: int) -> dict[str, Any]:
        checked, images, labels = loaded()
        chosen = ordered[start : start + CHUNK]
        x, y = images[chosen], labels[chosen]
        missed = check_arbiter(checked, x, y, check, seed)
        table = check_bounds(checked, x, y, norm, search, check, seed).merge(missed, on="row")
        return {"device": "cpu"} | {name: torch.tensor(table[name].to_numpy()) for name in table.columns.drop("norm")}

    parts = list(product(METRICS, check.seeds, range(0, check.images, CHUNK)))
    pieces = {f"{norm}-{seed}-{start}": partial(chunk, norm, seed, start) for norm, seed, start in parts}
    found = yield Work(checkpoints, pieces, check.images, f"{model}, check of the bounds")
    tables = []
    for (norm, seed, start), piece in zip(parts, found):
        rows = [ordered[start + row] for row in piece.pop("row").tolist()]
        tables.append(pd.DataFrame({"image": rows, "norm": norm, "seed": seed, **piece}))
    table = pd.concat(tables)
    table = table[table["image"].isin(ordered[: check.images])]
    write_csv(project.bounds / f"{model}-searches.csv", table)
    facts = {"samples": check.images, "order": order}
    write_card(project.bounds / f"{model}-searches.json", code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    print(f"{model}: {len(table)} searches tried to disprove a bound")


if __name__ == "__main__":
    run(main)
