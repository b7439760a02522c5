"""Table 2 and how well the search of ABS converges, from the records."""

import pandas as pd

from analysis_by_synthesis.evaluation.convergence import summarise
from analysis_by_synthesis.evaluation.table2 import read_cells, table2
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.two_class_cifar import Table
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.table2 import table_as_markdown


def main(project: Project) -> None:
    attacks, cells, settings = read(
        {"attacks": dict[str, AttackBlock], "cells.attack": dict[str, list[str]], "table": Table}, project.params
    )
    clean = {model: read_records(project.clean / f"{model}.csv") for model in settings.paper}
    table = table2(read_cells(project, attacks, cells, ["abs"]), clean, settings.paper)
    convergence = summarise(pd.read_csv(project.results / "convergence.csv"))
    write_csv(project.metrics / "table2.csv", table)
    write_csv(project.metrics / "convergence.csv", convergence.to_frame().T)
    with replacing(project.metrics / "table2.md") as partial:
        partial.write_text(table_as_markdown(table, convergence))


if __name__ == "__main__":
    run(main)
