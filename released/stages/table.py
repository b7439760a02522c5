"""Table 1 of the authors' networks, the signs of weak attacks, and the brackets of robustness, from the records."""

import pandas as pd

from analysis_by_synthesis.bounds.summary import bracket, summarise_bounds
from analysis_by_synthesis.bounds.variants import variants
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.control import authors_table
from analysis_by_synthesis.evaluation.evidence import intervals
from analysis_by_synthesis.evaluation.flags import flags
from analysis_by_synthesis.evaluation.results import read_finished_cells, smallest_distances
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.pipeline.files import replacing, write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.released import table_as_markdown

BRACKET = ["model", "norm", "image", "lower", "upper", "ratio"]


def main(project: Project) -> None:
    settings, attacks, cells, compared = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "compared": dict[str, Released],
    }, project.params)  # fmt: skip
    found, others = read_finished_cells(project, attacks, cells)
    clean = {path.stem: read_records(path) for path in sorted(project.clean.glob("*.csv"))}
    printed = Project(project.root / "..").paper
    table = authors_table(found, others, clean, settings, pd.read_csv(printed / "table1.csv"), compared)
    write_csv(project.metrics / "table1.csv", table)
    with replacing(project.metrics / "table1.md") as partial:
        partial.write_text(table_as_markdown(table, compared))
    write_csv(project.metrics / "flags.csv", flags(found, settings.flags))

    brackets = []
    summary: dict[str, dict[str, dict[str, float]]] = {model: {} for model in cells.bounds.models}
    for (norm, _, model), cell in found.items():
        if cell.attack == BOUND_GUIDED:
            both = bracket(cell.records, smallest_distances(found, norm, model), norm)
            brackets.append(both.rename_axis("image").reset_index().assign(model=model, norm=norm)[BRACKET])
            summary[model][norm] = summarise_bounds(cell.records, both, settings.thresholds[norm])
    write_csv(project.metrics / "brackets.csv", pd.concat(brackets) if brackets else pd.DataFrame(columns=BRACKET))
    write_json(project.metrics / "bounds.json", summary)
    ends = intervals(pd.read_csv(printed / "bounds.csv"))
    theirs = {
        (model, norm): ends[one.paper, norm]
        for model, one in compared.items()
        for norm in NORMS
        if (one.paper, norm) in ends
    }
    papers = {
        path.stem.removesuffix("-paper"): read_records(path) for path in sorted(project.bounds.glob("*-paper.csv"))
    }
    write_csv(project.metrics / "paper_bounds.csv", variants(papers, theirs))


if __name__ == "__main__":
    run(main)
