"""Table 1 of the authors' networks, the signs of weak attacks, and the brackets of robustness, from the records."""

import pandas as pd

from analysis_by_synthesis.bounds.summary import bracket, summarise_bounds
from analysis_by_synthesis.bounds.variants import variants
from analysis_by_synthesis.evaluation.evidence import intervals
from analysis_by_synthesis.evaluation.flags import flags
from analysis_by_synthesis.evaluation.results import read_cells, smallest_distances
from analysis_by_synthesis.evaluation.table1 import table1
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED
from analysis_by_synthesis.params.cells import AttackBlock, Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.pipeline.files import replacing, write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.released import papers_rows, table_as_markdown


def main(project: Project) -> None:
    settings, attacks, cells, compared = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "compared": dict[str, Released],
    }, project.params)  # fmt: skip
    found = read_cells(project, attacks, cells)
    clean = {model: read_records(project.clean / f"{model}.csv") for model in cells.attack.models}
    printed = Project(project.root / "..").paper
    paper = papers_rows(pd.read_csv(printed / "table1.csv"), compared)
    table = table1(found, clean, settings, paper)
    write_csv(project.metrics / "table1.csv", table)
    with replacing(project.metrics / "table1.md") as partial:
        partial.write_text(table_as_markdown(table, compared))
    write_csv(project.metrics / "flags.csv", flags(found, settings.flags))

    summary: dict[str, dict[str, dict[str, float]]] = {model: {} for model in cells.bounds.models}
    for (norm, _, model), cell in found.items():
        if cell.attack == BOUND_GUIDED:
            both = bracket(cell.records, smallest_distances(found, norm, model), norm)
            write_csv(project.metrics / "brackets" / f"{model}-{norm}.csv", both.reset_index())
            summary[model][norm] = summarise_bounds(cell.records, both, settings.thresholds[norm])
    write_json(project.metrics / "bounds.json", summary)
    papers = {model: read_records(project.bounds / f"{model}-paper.csv") for model in cells.bounds.models}
    write_csv(project.metrics / "paper_bounds.csv", variants(papers, intervals(pd.read_csv(printed / "bounds.csv"))))


if __name__ == "__main__":
    run(main)
