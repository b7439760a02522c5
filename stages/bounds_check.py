"""Are the bounds too large? A search of its own tries to disprove them, on the CPU, where its solvers are."""

from functools import partial

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.bounds.check import check_arbiter, check_bounds
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.params.bounds import CutSettings
from analysis_by_synthesis.params.bounds_check import CheckSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv

CHUNK = 5  # images between two savings; no result depends on it


def main(project: Project, model: str) -> None:
    order, norms, effort, check = read({
        "order": int, "cells.bounds.norms": list[Norm], "bounds.effort": str, "bounds_check": CheckSettings,
    }, project.params)  # fmt: skip
    (search,) = read({f"bounds.search.{effort}": CutSettings}, project.params)
    code = recorded(project, "stages.bounds_check", f"models.{model}")
    parameters = {"order": order, "search": search, "check": check}
    inputs = [project.models / model, project.mnist]
    checkpoints = Checkpoints(f"bounds_check/{model}", code, parameters, inputs, project.work)
    device()
    loaded = with_latents(load_model(model, project.models))
    chosen = in_order(order)[: check.images]
    images, labels = (part[chosen] for part in load("test", project.mnist))

    def chunk(norm: Norm, start: int) -> dict[str, Tensor]:
        x, y = images[start : start + CHUNK], labels[start : start + CHUNK]
        table = check_bounds(loaded, x, y, norm, search, check).merge(check_arbiter(loaded, x, y, check), on="row")
        return {name: torch.tensor(table[name].to_numpy()) for name in table.columns.drop("norm")}

    tables = []
    for norm in norms:
        for start in progress(range(0, len(chosen), CHUNK), f"{model} {norm}"):
            piece = checkpoints.piece(f"{norm}-{start}", partial(chunk, norm, start))
            rows = [chosen[start + row] for row in piece.pop("row").tolist()]
            tables.append(pd.DataFrame({"image": rows, "norm": norm, **piece}))
    write_csv(project.bounds / f"{model}-searches.csv", pd.concat(tables))
    facts = {"samples": check.images, "order": order}
    write_card(project.bounds / f"{model}-searches.json", code, "cpu", checkpoints.seconds, **facts)
    checkpoints.forget_others()
    print(f"{model}: {sum(len(table) for table in tables)} bounds were attacked by another search")


if __name__ == "__main__":
    run(main)
