"""Distal adversarials of one model: ascents from noise."""

from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.distal.ascent import Climber, noise
from analysis_by_synthesis.distal.records import write_distal
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.distal import Ascent, DistalSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.work import Steps, Work


def main(project: Project, model: str) -> Steps:
    seed, settings = read({"seed": int, "distal": DistalSettings}, project.params)
    code = recorded(project, "stages.distal", f"models.{model}")
    softmax = project.metrics / "calibration" / f"{model}.json"
    parameters = {"seed": seed, "settings": settings}
    inputs = [project.models / model, softmax, project.mnist]
    checkpoints = Checkpoints(f"distal/{model}", code, parameters, inputs, project.work)

    @cache
    def climber() -> Climber:
        calibration = read_json(softmax)
        loaded = load_model(model, project.models, device())
        return Climber(loaded, calibration["alpha"], calibration["eta"], settings)

    def climb(ascent: Ascent, first: int, together: int) -> dict[str, Tensor]:
        found = climber().ascend(noise(together, seed + first).to(device()), ascent)
        return {key: value.cpu() for key, value in found.items()}

    parts = [  # an estimate takes 1568 queries for each start
        (kind, ascent, first, together)
        for kind, ascent in (("exact", settings.exact), ("estimated", settings.estimated))
        for together in [ascent.starts if ascent.difference_step is None else 1]
        for first in range(0, ascent.starts, together)
    ]
    pieces = {f"{kind}-{first}": partial(climb, ascent, first, together) for kind, ascent, first, together in parts}
    starts = settings.exact.starts + settings.estimated.starts
    climbed = yield Work(checkpoints, pieces, starts, f"{model}, ascents from noise")
    tables, images = [], []
    for (kind, _, first, together), found in zip(parts, climbed):
        images.append(found.pop("image"))
        columns = {key: value.numpy() for key, value in found.items()}
        tables.append(pd.DataFrame({"ascent": kind, "start": range(first, first + together)} | columns))
    table = pd.concat(tables)
    write_distal(project.distal / model, table, torch.cat(images))
    facts = {"samples": len(table), "seed": seed}
    write_card(project.distal / f"{model}.json", code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    print(f"{model}: {table['reached'].sum()} of {len(table)} ascents reach p = {settings.confidence}")


if __name__ == "__main__":
    run(main)
