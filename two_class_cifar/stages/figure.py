"""Clean images, adversarials and reconstructions."""

from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.data.two_class_cifar import CLASSES
from analysis_by_synthesis.evaluation.table2 import read_cells
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.reporting.adversarials import minimal_adversarials
from analysis_by_synthesis.reporting.two_class_cifar import choose, draw


def main(project: Project) -> None:
    keys = {"attacks": dict[str, AttackBlock], "cells.attack": dict[str, list[str]], "figure.images": Count}
    attacks, lists, each = read(keys, project.params)
    cells = read_cells(project, attacks, lists, ["abs"])
    minimal = {
        model: minimal_adversarials([cell for row, cell in cells.items() if row.model == model], "l2")
        for model in lists
    }
    images, _ = dataset(project).load("test")
    model = with_latents(load_model("abs", project.models, device()))
    draw(minimal, choose(minimal, each), images, model, CLASSES, project.plots / "adversarials.png")


if __name__ == "__main__":
    run(main)
