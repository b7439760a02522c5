"""Figures 3 and 5 to 8, a small Figure 2, and what stands below the figures that show several attacks together."""

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, OF_THE_PAPER, ReportSettings
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting import captions, figure2, figure3, figure8, figure567
from analysis_by_synthesis.reporting.adversarials import on_the_same_images


def main(project: Project) -> None:
    seed, attacks, cells, settings = read({
        "seed": int, "attacks": dict[str, AttackBlock], "cells": Cells, "report": ReportSettings,
    }, project.params)  # fmt: skip
    found, rows = read_cells(project, attacks, cells), settings.all.rows()
    images, _ = load("test", project.mnist)
    papers, all_of_them = (
        on_the_same_images(found, rows[label], settings.min_images) for label in (OF_THE_PAPER, EVERYTHING)
    )
    subject = captions.subject(captions.PAPER, papers)

    curves = {norm: figure2.curves(papers[norm], norm) for norm in NORMS}
    figure2.draw_small(curves, settings.thresholds, subject, project.plots / "figure2_small.png")
    figure3.draw(papers["l2"], images, seed, subject, project.plots / "figure3.png")
    for norm, name in figure567.FIGURES.items():
        figure567.draw(papers[norm], norm, images, seed, subject, project.plots / f"{name}.png")
    histograms = {norm: figure8.histograms(papers[norm], norm) for norm in NORMS}
    for norm, table in histograms.items():
        write_csv(project.plots / "figure8" / f"{norm}.csv", table)
    figure8.draw(histograms, papers, settings.thresholds, subject, project.plots / "figure8.png")

    below = {
        "figure2": captions.in_full(captions.PAPER, found, rows[OF_THE_PAPER], papers),
        "figure2_ours_too": captions.in_full(captions.OURS_TOO, found, rows[EVERYTHING], all_of_them),
    }
    for name, norms in {
        "figure3": ("l2",),
        "figure8": NORMS,
        **{name: (norm,) for norm, name in figure567.FIGURES.items()},
    }.items():
        below[name] = captions.in_full(captions.PAPER, found, rows[OF_THE_PAPER], papers, norms)
    write_json(project.plots / "captions.json", below)
    print("Figures 3 and 5 to 8 are drawn")


if __name__ == "__main__":
    run(main)
