"""The paper's lower bounds on the robustness of ABS or Binary ABS, image by image, for several seeds of the search."""

import time

import pandas as pd
import torch

from analysis_by_synthesis.bounds.paper import paper_bounds
from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.paper_bounds import PaperBoundsSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.paths import BOUNDS, MODELS
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv

CHUNK = 500  # images at once; it bounds the memory, no result depends on it


def main(model: str) -> None:
    order, settings = read({"order": int, "paper_bounds": PaperBoundsSettings})
    code = recorded(["stages.paper_bounds", f"models.{model}"])
    inputs = [MODELS / "abs", MODELS / model, MNIST]
    checkpoints = Checkpoints(f"paper_bounds/{model}", code, {"order": order, "settings": settings}, inputs)
    where = device()
    loaded = load_model(model, MODELS, where)
    chosen = in_order(order)[: settings.images]
    images, labels = (part[chosen].to(where) for part in load("test"))
    tables, seconds = [], 0.0
    for seed in progress(range(settings.seeds), model):
        columns = checkpoints.load(f"seed-{seed}")
        if columns is None:
            began = time.perf_counter()
            parts = zip(images.split(CHUNK), labels.split(CHUNK))
            chunks = [paper_bounds(loaded, *part, seed, settings) for part in parts]
            columns = {key: torch.cat([chunk[key] for chunk in chunks]).cpu() for key in chunks[0]}
            columns["seconds"] = torch.tensor(time.perf_counter() - began)
            checkpoints.save(f"seed-{seed}", columns)
        seconds += float(columns.pop("seconds"))
        tables.append(pd.DataFrame({"image": chosen, "seed": seed, **columns}))
    write_csv(BOUNDS / f"{model}-paper.csv", pd.concat(tables))
    facts = {"samples": settings.images, "order": order}
    write_card(BOUNDS / f"{model}-paper.json", code, device_name(where), seconds, **facts)
    checkpoints.forget_others()


if __name__ == "__main__":
    run(main)
