"""Lower bounds on the robustness of ABS or Binary ABS, image by image."""

from pathlib import Path

import pandas as pd
import torch

from analysis_by_synthesis.bounds.records import BoundsSettings, lower_bounds
from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.files import BOUNDS, write_csv
from analysis_by_synthesis.models import model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run
from analysis_by_synthesis.work import Work

CHUNK = 50  # images between two savings; no result depends on it


def main(name: str) -> None:
    module = model_module(name)
    settings, *model_parameters = read({"bounds": BoundsSettings, **module.PARAMETERS})
    work = Work(f"bounds-{name}", [settings, *model_parameters], [Path("models/abs"), Path("models") / name, MNIST])
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[: settings.images[name]].to(device()) for part in load("test"))
    tables = []
    for norm in NORMS:
        chunks = []
        for start in progress(range(0, len(images), CHUNK), f"{name} {norm}"):
            rows = slice(start, start + CHUNK)
            chunk = work.load(f"{norm}-{start}")
            if chunk is None:
                chunk = lower_bounds(model, images[rows], labels[rows], norm, settings.chosen)
                chunk = {key: column.cpu() for key, column in chunk.items()}
                work.save(f"{norm}-{start}", chunk)
            chunks.append(chunk)
        columns = {key: torch.cat([chunk[key] for chunk in chunks]).numpy() for key in chunks[0]}
        tables.append(pd.DataFrame({"index": range(len(labels)), "label": labels.cpu(), "norm": norm, **columns}))
    write_csv(BOUNDS / f"{name}.csv", pd.concat(tables))
    work.discard()


if __name__ == "__main__":
    run(main)
