"""Table 1, Figure 2, the brackets of robustness and the metrics, from the records."""

import pandas as pd

from analysis_by_synthesis.bounds.summary import summarise, summarise_exact
from analysis_by_synthesis.bounds.variants import variants
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.evidence import intervals
from analysis_by_synthesis.evaluation.flags import flags
from analysis_by_synthesis.evaluation.results import attack_tables, read_cells, smallest_distances
from analysis_by_synthesis.evaluation.table1 import table1
from analysis_by_synthesis.evaluation.union import union_accuracy
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, MODEL_LABELS, OF_THE_PAPER, ReportSettings
from analysis_by_synthesis.pipeline.files import replacing, write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting import bounds, captions, figure2
from analysis_by_synthesis.reporting.adversarials import on_the_same_images
from analysis_by_synthesis.reporting.table1 import table_as_markdown, write_metrics


def main(project: Project) -> None:
    settings, attacks, cells, recipe = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "classifiers.madry.recipe": str,
    }, project.params)  # fmt: skip
    found = read_cells(project, attacks, cells, MODEL_LABELS)
    clean = {model: read_records(project.clean / f"{model}.csv") for model in MODEL_LABELS}

    table = table1(found, clean, settings, pd.read_csv(project.paper / "table1.csv"))
    write_csv(project.metrics / "table1.csv", table)
    with replacing(project.metrics / "table1.md") as partial:
        partial.write_text(table_as_markdown(table, recipe))
    accuracy = {model: float((records["label"] == records["predicted"]).mean()) for model, records in clean.items()}
    write_json(project.metrics / "clean_accuracy.json", accuracy)
    write_csv(project.metrics / "flags.csv", flags(found, settings.flags))

    rows = settings.all.rows()
    figures = {"figure2": (OF_THE_PAPER, captions.PAPER), "figure2_ours_too": (EVERYTHING, captions.OURS_TOO)}
    for name, (label, which) in figures.items():
        minimal = on_the_same_images(found, rows[label], settings.min_images)
        curves = {norm: figure2.curves(minimal[norm], norm) for norm in NORMS}
        for norm, curve in curves.items():
            write_csv(project.plots / name / f"{norm}.csv", curve)
        subject = captions.subject(which, minimal)
        figure2.draw(curves, settings.thresholds, subject, project.plots / f"{name}.png")

    summary, brackets = summarise(project, found, settings.thresholds, settings.disproved)
    write_json(project.metrics / "bounds.json", summary)
    exact = read_records(project.results / "nearest_neighbor_bounds.csv")
    attacked = smallest_distances(found, "l2", "nearest_neighbor")
    write_json(project.metrics / "nearest_neighbor.json", summarise_exact(exact, attacked, settings.thresholds["l2"]))
    write_metrics(table, found, summary, project.metrics)
    known = {(norm, model): both for norm, models in brackets.items() for model, both in models.items()}
    judges = {
        "the paper's attacks": attack_tables(found, rows[OF_THE_PAPER], settings.min_images),
        "ours too": attack_tables(found, rows[EVERYTHING], settings.min_images),
        "whatever attacks, where there are bounds": {key: both[["upper"]] for key, both in known.items()},
        "lower bounds": {key: both[["lower"]] for key, both in known.items()},
    }
    write_csv(project.metrics / "union_accuracy.csv", union_accuracy(judges, settings.thresholds, settings.min_images))
    papers = {model: read_records(project.bounds / f"{model}-paper.csv") for model in cells.bounds.models}
    write_csv(
        project.metrics / "paper_bounds.csv", variants(papers, intervals(pd.read_csv(project.paper / "bounds.csv")))
    )
    gaps = {norm: bounds.curves(brackets[norm], norm) for norm in NORMS}
    for norm, gap in gaps.items():
        write_csv(project.plots / "bounds" / f"{norm}.csv", gap)
    bounds.draw(gaps, settings.thresholds, project.plots / "bounds.png")
    print(f"Table 1: {len(found)} attacks on models")


if __name__ == "__main__":
    run(main)
