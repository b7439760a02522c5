"""Table 1, Figure 2, the brackets of robustness and the metrics, from the records."""

from pathlib import Path

from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.files import CLEAN, read_records, write_csv, write_json
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting import disagreements, figure2
from analysis_by_synthesis.reporting.bounds import report_bounds
from analysis_by_synthesis.reporting.flags import flags
from analysis_by_synthesis.reporting.records import Cell, LabelledAttack, all_attacks, read_cells
from analysis_by_synthesis.reporting.style import MODEL_LABELS
from analysis_by_synthesis.reporting.table1 import ReportSettings, as_markdown, of_the_paper, table1, write_metrics
from analysis_by_synthesis.stage import replacing, run


def main() -> None:
    seed, settings, attacks, cells, recipe = read({
        "seed": int, "report": ReportSettings, "attacks": dict[str, LabelledAttack], "cells": dict[str, dict[str, Cell]],
        "classifiers.madry.recipe": str,
    })  # fmt: skip
    records, cell_of = read_cells(attacks, cells)
    clean = {model: read_records(CLEAN / f"{model}.csv") for model in MODEL_LABELS}
    metrics, plots = Path("metrics"), Path("plots")

    table = table1(records, clean, settings, seed)
    write_csv(metrics / "table1.csv", table)
    differing = disagreements.disagreements(table, settings.disagreement)
    write_csv(metrics / "disagreements.csv", differing)
    with replacing(metrics / "table1.md") as partial:
        notes = disagreements.as_markdown(differing, settings.disagreement)
        partial.write_text(f"{as_markdown(table, recipe)}\n{notes}")
    write_metrics(table, metrics)
    accuracy = {model: float((records["label"] == records["predicted"]).mean()) for model, records in clean.items()}
    write_json(metrics / "clean_accuracy.json", accuracy)

    write_csv(metrics / "flags.csv", flags(records, cell_of, settings.flags))

    distances = {row: table[row.norm] for row, table in records.items()}
    for name, chosen in (("figure2", of_the_paper(distances)), ("figure2_ours_too", distances)):
        curves = {norm: figure2.curves(all_attacks(chosen), norm) for norm in NORMS}
        for norm, curve in curves.items():
            write_csv(plots / name / f"{norm}.csv", curve)
        figure2.draw(curves, settings.thresholds, plots / f"{name}.png")

    report_bounds(distances, settings.thresholds, metrics, plots)


if __name__ == "__main__":
    run(main)
