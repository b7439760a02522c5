"""Table 1, Figure 2, the brackets of robustness and the metrics, from the records."""

from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.params.cells import AttackBlock, Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, MODEL_LABELS, OF_THE_PAPER, ReportSettings
from analysis_by_synthesis.pipeline.files import replacing, write_json
from analysis_by_synthesis.pipeline.paths import CLEAN, METRICS, PLOTS
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting import disagreements, figure2
from analysis_by_synthesis.reporting.bounds import report_bounds
from analysis_by_synthesis.reporting.flags import flags
from analysis_by_synthesis.reporting.records import all_attacks, read_cells
from analysis_by_synthesis.reporting.table1 import as_markdown, table1, write_metrics


def main() -> None:
    settings, attacks, cells, recipe = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "classifiers.madry.recipe": str,
    })  # fmt: skip
    found = read_cells(attacks, cells)
    clean = {model: read_records(CLEAN / f"{model}.csv") for model in MODEL_LABELS}

    table = table1(found, clean, settings)
    write_csv(METRICS / "table1.csv", table)
    differing = disagreements.disagreements(table, settings.disagreement)
    write_csv(METRICS / "disagreements.csv", differing)
    with replacing(METRICS / "table1.md") as partial:
        notes = disagreements.as_markdown(differing, settings.disagreement)
        partial.write_text(f"{as_markdown(table, recipe)}\n{notes}")
    write_metrics(table, METRICS)
    accuracy = {model: float((records["label"] == records["predicted"]).mean()) for model, records in clean.items()}
    write_json(METRICS / "clean_accuracy.json", accuracy)
    write_csv(METRICS / "flags.csv", flags(found, settings.flags))

    rows = settings.all.rows()
    for name, label in (("figure2", OF_THE_PAPER), ("figure2_ours_too", EVERYTHING)):
        together = all_attacks(found, rows[label], label)
        curves = {norm: figure2.curves(together, norm) for norm in NORMS}
        for norm, curve in curves.items():
            write_csv(PLOTS / name / f"{norm}.csv", curve)
        figure2.draw(curves, settings.thresholds, PLOTS / f"{name}.png")

    report_bounds(found, settings.thresholds, settings.disproved, METRICS, PLOTS)


if __name__ == "__main__":
    run(main)
