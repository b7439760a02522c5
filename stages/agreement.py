"""What the other models see in a model's closest L2 adversarials, of images that all of them have."""

import time
from pathlib import Path

import pandas as pd
import torch

from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting.adversarials import minimal_adversarials, perturbed


def main(project: Project) -> None:
    attacks, cells, n = read(
        {"attacks": dict[str, AttackBlock], "cells": Cells, "agreement_images": Count}, project.params
    )
    code = recorded(project, "stages.agreement", *(f"models.{model}" for model in MODEL_LABELS))
    began, where = time.perf_counter(), device()
    found = read_cells(project, attacks, cells)
    own = {model: [cell for row, cell in found.items() if row[::2] == ("l2", model)] for model in MODEL_LABELS}
    minimal = {model: perturbed(minimal_adversarials(cells, "l2")) for model, cells in own.items()}
    shared = sorted(set.intersection(*(set(table.index) for table in minimal.values())))[:n]
    chosen = pd.concat({model: table.loc[shared] for model, table in minimal.items()}, names=["of", "image"])
    stored = {stem: read_adversarials(Path(stem)) for stem in chosen["stem"].unique()}
    each = [stored[stem][row] for stem, row in zip(chosen["stem"], chosen["row"])]
    adversarials = (torch.stack(each) if each else torch.empty(0, 1, 28, 28)).to(where)
    seen = chosen[["label", "predicted"]].copy()
    for model in progress(MODEL_LABELS, "agreement"):
        seen[model] = predict(load_model(model, project.models, where), adversarials).cpu().numpy()
    write_csv(project.results / "agreement.csv", seen.reset_index())
    seconds = time.perf_counter() - began
    write_card(project.results / "agreement.json", code, device_name(where), seconds, samples=len(seen))
    print(f"{len(seen)} adversarials, each seen by {len(MODEL_LABELS)} models")


if __name__ == "__main__":
    run(main)
