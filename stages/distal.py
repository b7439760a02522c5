"""Distal adversarials of one model: ascents from noise."""

import time

import pandas as pd
import torch

from analysis_by_synthesis.data.mnist import MNIST
from analysis_by_synthesis.distal.ascent import Climber, noise
from analysis_by_synthesis.distal.records import write_distal
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.distal import DistalSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import DISTAL, METRICS, MODELS
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.stage import run


def main(model: str) -> None:
    seed, settings = read({"seed": int, "distal": DistalSettings})
    code = recorded(["stages.distal", f"models.{model}"])
    softmax = METRICS / "calibration" / f"{model}.json"
    parameters = {"seed": seed, "settings": settings}
    checkpoints = Checkpoints(f"distal/{model}", code, parameters, [MODELS / model, softmax, MNIST])
    where, calibration = device(), read_json(softmax)
    climber = Climber(load_model(model, MODELS, where), calibration["alpha"], calibration["eta"], settings)
    tables, images, seconds = [], [], 0.0
    for kind, ascent in (("exact", settings.exact), ("estimated", settings.estimated)):
        together = ascent.starts if ascent.difference is None else 1  # an estimate takes 1568 queries for each start
        for first in progress(range(0, ascent.starts, together), f"{model}, {kind} gradient"):
            found = checkpoints.load(f"{kind}-{first}")
            if found is None:
                began = time.perf_counter()
                found = climber.ascend(noise(together, seed + first).to(where), ascent)
                found = {key: value.cpu() for key, value in found.items()}
                found["seconds"] = torch.tensor(time.perf_counter() - began)
                checkpoints.save(f"{kind}-{first}", found)
            seconds += float(found.pop("seconds"))
            images.append(found.pop("image"))
            columns = {key: value.numpy() for key, value in found.items()}
            tables.append(pd.DataFrame({"ascent": kind, "start": range(first, first + together)} | columns))
    table = pd.concat(tables)
    write_distal(DISTAL / model, table, torch.cat(images))
    write_card(DISTAL / f"{model}.json", code, device_name(where), seconds, samples=len(table), seed=seed)
    checkpoints.forget_others()
    print(f"{model}: {table['reached'].sum()} of {len(table)} ascents reach p = {settings.confidence}")


if __name__ == "__main__":
    run(main)
