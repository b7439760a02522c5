"""Table 1 beside that of the authors' own networks, which the pipeline in released/ makes."""

import pandas as pd

from analysis_by_synthesis.evaluation.control import control
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting.control import table_as_markdown


def main(project: Project) -> None:
    table = control(pd.read_csv(project.root / "released/table1.csv"), pd.read_csv(project.metrics / "table1.csv"))
    write_csv(project.metrics / "control.csv", table)
    with replacing(project.metrics / "control.md") as partial:
        partial.write_text(table_as_markdown(table))


if __name__ == "__main__":
    run(main)
