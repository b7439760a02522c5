"""Distal adversarials of one model: ascents from noise."""

import json
from pathlib import Path

import pandas as pd
import torch

from analysis_by_synthesis.data.mnist import MNIST
from analysis_by_synthesis.distal.ascent import Climber, DistalSettings, noise
from analysis_by_synthesis.distal.records import write_distal
from analysis_by_synthesis.models import model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run
from analysis_by_synthesis.work import Work


def main(name: str) -> None:
    module = model_module(name)
    seed, settings, *model_parameters = read({"seed": int, "distal": DistalSettings, **module.PARAMETERS})
    softmax = Path(f"metrics/calibration/{name}.json")
    weights = Path("models") / name
    work = Work(f"distal-{name}", [seed, settings, *model_parameters], [weights, softmax, MNIST])
    model = module.load(name, Path("models"), *model_parameters).to(device())
    calibration = json.loads(softmax.read_text())
    climber = Climber(model, calibration["alpha"], calibration["eta"], settings)
    tables, images = [], []
    for kind, ascent in (("exact", settings.exact), ("estimated", settings.estimated)):
        together = ascent.starts if ascent.difference is None else 1  # an estimate takes 1568 queries for each start
        for first in progress(range(0, ascent.starts, together), f"{name}, {kind} gradient"):
            found = work.load(f"{kind}-{first}")
            if found is None:
                found = climber.ascend(noise(together, seed + first).to(device()), ascent)
                found = {key: value.cpu() for key, value in found.items()}
                work.save(f"{kind}-{first}", found)
            images.append(found.pop("image"))
            columns = {key: value.numpy() for key, value in found.items()}
            tables.append(pd.DataFrame({"ascent": kind, "start": range(first, first + together)} | columns))
    write_distal(name, pd.concat(tables), torch.cat(images))
    work.discard()


if __name__ == "__main__":
    run(main)
