"""The exact L2 robustness of Nearest Neighbor, image by image."""

from functools import cache, partial

import numpy as np
import pandas as pd
import torch

from analysis_by_synthesis.bounds.nearest_neighbor import Floats, nearest_of_another_class
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Piece, Steps, Work

CHUNK = 20  # images between two savings, always whole, so that more images go on from there; no result depends on it


def main(project: Project) -> Steps:
    order, number = read({"order": int, "nearest_neighbor_bounds.images": Count}, project.params)
    code = recorded(project, "stages.nearest_neighbor_bounds")
    checkpoints = Checkpoints("nearest_neighbor_bounds", code, {"order": order}, [project.mnist], project.work)
    ordered, labels = in_order(order), load("test", project.mnist)[1].numpy()

    @cache
    def loaded() -> tuple[Floats, Floats, np.ndarray]:
        references, classes = load("train", project.mnist)
        images = load("test", project.mnist)[0]
        return images.flatten(1).double().numpy(), references.flatten(1).double().numpy(), classes.numpy()

    def bounds(start: int) -> Piece:
        images, references, classes = loaded()
        found = [
            nearest_of_another_class(images[i], references[classes == labels[i]], references[classes != labels[i]])
            for i in ordered[start : start + CHUNK]
        ]
        return {"device": "cpu", "lower": torch.tensor([nearest.distance for nearest in found])}

    pieces = {str(start): partial(bounds, start) for start in range(0, number, CHUNK)}
    parts = yield Work(checkpoints, pieces, number, "nearest neighbor, exact bounds")
    lower = torch.cat([part["lower"] for part in parts])[:number]
    chosen = ordered[:number]
    records = pd.DataFrame({"image": chosen, "label": labels[chosen], "lower": lower})
    write_csv(project.results / "nearest_neighbor_bounds.csv", records)
    card = project.results / "nearest_neighbor_bounds.json"
    write_card(card, code, **checkpoints.origin(), samples=number, order=order)
    checkpoints.forget_others()
    print(f"nearest neighbor: median L2 distance to another class {lower.median():.3g}, exactly")


if __name__ == "__main__":
    run(main)
