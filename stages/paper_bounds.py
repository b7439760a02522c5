"""The paper's lower bounds on the robustness of ABS or Binary ABS, image by image, for several seeds of the search."""

from pathlib import Path

import pandas as pd
import torch

from analysis_by_synthesis.bounds.paper import PaperBoundsSettings, paper_bounds
from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.files import BOUNDS, write_csv
from analysis_by_synthesis.models import model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run
from analysis_by_synthesis.work import Work

CHUNK = 500  # images at once; it bounds the memory, no result depends on it


def main(name: str) -> None:
    module = model_module(name)
    settings, *model_parameters = read({"paper_bounds": PaperBoundsSettings, **module.PARAMETERS})
    inputs = [Path("models/abs"), Path("models") / name, MNIST]
    work = Work(f"paper_bounds-{name}", [settings, *model_parameters], inputs)
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[: settings.images].to(device()) for part in load("test"))
    tables = []
    for seed in progress(range(settings.seeds), name):
        columns = work.load(f"seed-{seed}")
        if columns is None:
            parts = zip(images.split(CHUNK), labels.split(CHUNK))
            chunks = [paper_bounds(model, *part, seed, settings) for part in parts]
            columns = {key: torch.cat([chunk[key] for chunk in chunks]).cpu() for key in chunks[0]}
            work.save(f"seed-{seed}", columns)
        tables.append(pd.DataFrame({"index": range(len(labels)), "seed": seed, **columns}))
    write_csv(BOUNDS / f"{name}-paper.csv", pd.concat(tables))
    work.discard()


if __name__ == "__main__":
    run(main)
