"""The paper's lower bounds on the robustness of ABS, image by image."""

from pathlib import Path

import pandas as pd
import torch

from analysis_by_synthesis.bounds.paper import BoundsSettings, paper_bounds
from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.files import BOUNDS, write_csv
from analysis_by_synthesis.inference import InferenceSettings
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, progress, run
from analysis_by_synthesis.work import Work

CHUNK = 50  # images between two savings; no result depends on it


def main() -> None:
    settings, inference = read({"bounds": BoundsSettings, "inference": InferenceSettings})
    work = Work("bounds", [settings, inference], [Path("models/abs"), MNIST])
    images, labels = (part[: settings.images].to(device()) for part in load("test"))
    model = ABS(load_decoders(Path("models")), inference).to(device())
    chunks = []
    for start in progress(range(0, len(images), CHUNK), "bounds"):
        rows = slice(start, start + CHUNK)
        chunk = work.load(f"chunk-{start}")
        if chunk is None:
            chunk = paper_bounds(model.inference, list(model.decoders), images[rows], labels[rows], settings)
            chunk = {norm: bound.cpu() for norm, bound in chunk.items()}
            work.save(f"chunk-{start}", chunk)
        chunks.append(chunk)
    columns = {norm: torch.cat([chunk[norm] for chunk in chunks]).numpy() for norm in chunks[0]}
    table = pd.DataFrame({"index": range(len(labels)), "label": labels.cpu().numpy(), **columns})
    write_csv(BOUNDS / "abs.csv", table)
    work.discard()


if __name__ == "__main__":
    run(main)
