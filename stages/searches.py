"""What the searches of ABS decide: Table 1 by the arbiter and by the paper's, attacks on a search, and other numbers in it."""

import pandas as pd

from analysis_by_synthesis.bounds.summary import fallen, summarise_attacks
from analysis_by_synthesis.evaluation.ablation import summarise
from analysis_by_synthesis.evaluation.protocol_table import table_of_both
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.params.ablation import Ablation
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv


def main(project: Project) -> None:
    report, attacks, cells, searches, ablation = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "search_attack.searches": list[str],
        "ablation": Ablation,
    }, project.params)  # fmt: skip
    models = cells.bounds.models
    found = read_cells(project, attacks, cells, models)
    lengthened = {model: pd.read_csv(project.protocol / f"{model}.csv") for model in models}
    clean = {
        model: read_records(project.protocol / f"{model}-clean.csv").join(
            read_records(project.clean / f"{model}.csv")["predicted"].rename("arbiter")
        )
        for model in models
    }
    table = table_of_both(found, lengthened, clean, report, pd.read_csv(project.paper / "table1.csv"))
    write_csv(project.metrics / "protocol.csv", table)
    attacked = {search: read_records(project.search_attack / f"abs-{search}.csv") for search in searches}
    checks = read_records(project.bounds / "abs-searches.csv")
    lower = fallen(read_records(project.bounds / "abs-l2.csv"), checks[checks["norm"] == "l2"])["lower"]
    write_csv(project.metrics / "search_attack.csv", summarise_attacks(attacked, lower))
    write_csv(project.metrics / "ablation.csv", summarise(pd.read_csv(project.results / "ablation.csv"), ablation))
    print(f"by the paper's search: {int(table['refused'].sum())} adversarials of the arbiter are none")


if __name__ == "__main__":
    run(main)
