"""Table 1's columns of ABS and Binary ABS by the arbiter and by the paper's own search."""

import pandas as pd

from analysis_by_synthesis.evaluation.protocol import table_of_both
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.params.cells import AttackBlock, Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv


def main(project: Project) -> None:
    report, attacks, cells = read(
        {"report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells}, project.params
    )
    models = cells.bounds.models
    found = {row: cell for row, cell in read_cells(project, attacks, cells).items() if row.model in models}
    lengthened = {model: pd.read_csv(project.protocol / f"{model}.csv") for model in models}
    clean = {
        model: read_records(project.protocol / f"{model}-clean.csv").join(
            read_records(project.clean / f"{model}.csv")["predicted"].rename("arbiter"), how="inner"
        )
        for model in models
    }
    table = table_of_both(found, lengthened, clean, report, pd.read_csv(project.paper / "table1.csv"))
    write_csv(project.metrics / "protocol.csv", table)
    print(f"by the paper's search: {int(table['refused'].sum())} adversarials of the arbiter are none")


if __name__ == "__main__":
    run(main)
