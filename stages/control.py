"""Table 1 beside that of the authors' own networks, which the pipeline in released/ makes, and what differs from the paper's."""

import pandas as pd

from analysis_by_synthesis.evaluation.control import control, spread
from analysis_by_synthesis.evaluation.disagreements import disagreements
from analysis_by_synthesis.evaluation.trainings import trainings_table
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.params.seeds import Seeds
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting.control import disagreements_as_markdown, table_as_markdown


def main(project: Project) -> None:
    report, attacks, seeds = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "seeds": Seeds,
    }, project.params)  # fmt: skip
    ours, authors = pd.read_csv(project.metrics / "table1.csv"), pd.read_csv(project.root / "released/table1.csv")
    paper, factor = pd.read_csv(project.paper / "table1.csv"), report.disagreement
    table = control(authors, ours, spread(ours, trainings_table(project, seeds, attacks, report, paper)))
    far = disagreements(ours, authors, factor)
    write_csv(project.metrics / "control.csv", table)
    write_csv(project.metrics / "disagreements.csv", far)
    with replacing(project.metrics / "control.md") as partial:
        partial.write_text(f"{disagreements_as_markdown(far, factor)}\n{table_as_markdown(table)}")
    print(f"{len(far)} medians far from the paper's")


if __name__ == "__main__":
    run(main)
