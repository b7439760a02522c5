"""The paper's lower bounds on the robustness of ABS or Binary ABS, image by image, for several seeds of the search."""

from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.bounds.paper import paper_bounds
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import ABS, with_latents
from analysis_by_synthesis.params.paper_bounds import PaperBoundsSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work

CHUNK = 500  # images at once; it bounds the memory, no result depends on it


def main(project: Project, model: str) -> Steps:
    order, settings = read({"order": int, "paper_bounds": PaperBoundsSettings}, project.params)
    code = recorded(project, "stages.paper_bounds", f"models.{model}")
    inputs = [project.models / model, project.mnist]
    parameters = {"order": order, "settings": settings}
    checkpoints = Checkpoints(f"paper_bounds/{model}", code, parameters, inputs, project.work)
    chosen = in_order(order)[: settings.images]

    @cache
    def loaded() -> tuple[ABS, Tensor, Tensor]:
        where = device()
        images, labels = (part[chosen].to(where) for part in load("test", project.mnist))
        return with_latents(load_model(model, project.models, where)), images, labels

    def bounds(seed: int) -> dict[str, Tensor]:
        bounded, images, labels = loaded()
        parts = zip(images.split(CHUNK), labels.split(CHUNK))
        chunks = [paper_bounds(bounded, *part, seed, settings) for part in parts]
        return {key: torch.cat([chunk[key] for chunk in chunks]).cpu() for key in chunks[0]}

    pieces = {f"seed-{seed}": partial(bounds, seed) for seed in range(settings.seeds)}
    found = yield Work(checkpoints, pieces, settings.images, f"{model}, the paper's bounds")
    tables = [pd.DataFrame({"image": chosen, "seed": seed, **columns}) for seed, columns in enumerate(found)]
    write_csv(project.bounds / f"{model}-paper.csv", pd.concat(tables))
    facts = {"samples": settings.images, "order": order}
    write_card(project.bounds / f"{model}-paper.json", code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    print(f"{model}: mean of the paper's L2 bound {pd.concat(tables)['l2'].mean():.3g}")


if __name__ == "__main__":
    run(main)
