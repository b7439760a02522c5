"""Figures 3 and 5 to 8, from the records of the attacks."""

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.params.base import Positive
from analysis_by_synthesis.params.cells import AttackBlock, Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting import figure3, figure8, figure567
from analysis_by_synthesis.reporting.adversarials import adversarials_of_models


def main(project: Project) -> None:
    seed, attacks, cells, thresholds = read({
        "seed": int, "attacks": dict[str, AttackBlock], "cells": Cells, "report.thresholds": dict[Norm, Positive],
    }, project.params)  # fmt: skip
    found = read_cells(project, attacks, cells)
    images, _ = load("test", project.mnist)
    minimal = {norm: adversarials_of_models(found, norm) for norm in NORMS}
    figure3.draw(minimal["l2"], images, seed, project.plots / "figure3.png")
    for norm, name in figure567.FIGURES.items():
        figure567.draw(minimal[norm], norm, images, seed, project.plots / f"{name}.png")

    distances = {norm: {model: table["distance"] for model, table in minimal[norm].items()} for norm in NORMS}
    histograms = {norm: figure8.histograms(distances[norm], norm) for norm in NORMS}
    for norm, table in histograms.items():
        write_csv(project.plots / "figure8" / f"{norm}.csv", table)
    figure8.draw(histograms, distances, thresholds, project.plots / "figure8.png")
    print("Figures 3 and 5 to 8 are drawn")


if __name__ == "__main__":
    run(main)
