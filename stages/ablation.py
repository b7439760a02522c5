"""Clean images classified by ABS with fewer candidates or steps, another variance, and the class's prior."""

from collections.abc import Callable
from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.evaluation.ablation import Variant, ablations, variants
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params.ablation import Ablation
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Piece, Steps, Work


def main(project: Project) -> Steps:
    order, settings = read({"order": int, "ablation": Ablation}, project.params)
    code = recorded(project, "stages.ablation", "models.abs")
    parameters = {"order": order, "settings": settings}
    checkpoints = Checkpoints("ablation", code, parameters, [project.models / "abs", project.mnist], project.work)
    images, labels = load("test", project.mnist)
    chosen = in_order(order, len(labels))[: settings.images]

    @cache
    def ways() -> dict[Variant, Callable[[], Tensor]]:
        where = device()
        counts = load("train", project.mnist)[1].bincount().to(where)
        model = with_latents(load_model("abs", project.models, where))
        decoders = [decoder.to(where) for decoder in load_decoders(project.models / "abs")]
        return ablations(model, decoders, images[chosen].to(where), counts / counts.sum(), settings)

    def classified(variant: Variant) -> Piece:
        return {"predicted": ways()[variant]().cpu()}

    pieces = {variant.name: partial(classified, variant) for variant in variants(settings)}
    found = yield Work(checkpoints, pieces, len(chosen), "ablation")
    table = {
        "image": torch.tensor(chosen),
        "label": labels[chosen],
        **{name: piece["predicted"] for name, piece in zip(pieces, found)},
    }
    write_csv(project.results / "ablation.csv", pd.DataFrame(table))
    write_card(project.results / "ablation.json", code, **checkpoints.origin(), samples=len(chosen), order=order)
    checkpoints.forget_others()
    print(f"ablation: {len(pieces)} ways to classify {len(chosen)} images")


if __name__ == "__main__":
    run(main)
