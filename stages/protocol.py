"""The committed adversarials of ABS or Binary ABS judged by the paper's own search, and clean images too."""

import hashlib
from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.protocol import lengthened, lengths
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.results import Cell, Row, read_cells
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.protocol_verdict import ProtocolVerdict
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints, digest
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work


def main(project: Project, model: str) -> Steps:
    order, attacks, cells, settings = read({
        "order": int, "attacks": dict[str, AttackBlock], "cells": Cells, "protocol_verdict": ProtocolVerdict,
    }, project.params)  # fmt: skip
    code = recorded(project, "stages.protocol", f"models.{model}")
    inputs = [project.models / model, project.mnist]
    parameters = {"settings": settings.model_dump(exclude={"images", "clean_images"})}
    checkpoints = Checkpoints(f"protocol/{model}", code, parameters, inputs, project.work)
    own = read_cells(project, attacks, cells, [model])
    attacked = {image for cell in own.values() for image in cell.records.index[: settings.images]}
    chosen = sorted(attacked.union(in_order(order)[: settings.clean_images]))
    of_chosen = hashlib.sha256(f"{chosen}".encode()).hexdigest()

    @cache
    def loaded() -> tuple[Classifier, Tensor, Tensor]:
        images, labels = (part.to(device()) for part in load("test", project.mnist))
        return load_model(model, project.models, device()), images, labels

    def clean() -> dict[str, Tensor]:
        judged, images, labels = loaded()
        predicted = predict(judged, images[chosen], "protocol")
        return {"image": torch.tensor(chosen), "label": labels[chosen].cpu(), "protocol": predicted.cpu()}

    def judge(row: Row, cell: Cell) -> dict[str, Tensor]:
        judged, everything, labels = loaded()
        image = torch.tensor(cell.records.index[: settings.images])
        images, adversarials = everything[image], read_adversarials(cell.stem)[: settings.images].to(everything.device)
        factor = lengths(judged, images, adversarials, labels[image], settings)
        away = distance(images, lengthened(images, adversarials, factor), row.norm).masked_fill(
            factor.isinf(), torch.inf
        )
        return {"image": image, "factor": factor.cpu(), "distance": away.cpu()}

    pieces = {f"clean-{of_chosen}": clean} | {
        f"{cell.attack}-{row.norm}-{settings.images}-{digest(cell.stem.with_suffix('.npz'))}": partial(judge, row, cell)
        for row, cell in own.items()
    }
    of_clean, *found = yield Work(checkpoints, pieces, len(chosen), f"{model}, by the protocol")
    tables = [
        pd.DataFrame({"attack": cell.attack, "norm": row.norm, **columns})
        for (row, cell), columns in zip(own.items(), found)
    ]
    write_csv(project.protocol / f"{model}.csv", pd.concat(tables))
    write_csv(project.protocol / f"{model}-clean.csv", pd.DataFrame(of_clean))
    facts = {"samples": len(chosen), "order": order}
    write_card(project.protocol / f"{model}.json", code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    print(f"{model}: {sum(map(len, tables))} adversarials and {len(chosen)} clean images by the paper's search")


if __name__ == "__main__":
    run(main)
