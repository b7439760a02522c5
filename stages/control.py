"""Table 1 beside that of the authors' own networks, which the pipeline in released/ makes, and what differs from the paper's."""

import pandas as pd

from analysis_by_synthesis.evaluation.control import control, spread
from analysis_by_synthesis.evaluation.disagreements import disagreements
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table1 import table1
from analysis_by_synthesis.params.cells import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.params.seeds import Seeds
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.control import disagreements_as_markdown, table_as_markdown


def main(project: Project) -> None:
    report, attacks, seeds = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "seeds": Seeds,
    }, project.params)  # fmt: skip
    ours, authors = pd.read_csv(project.metrics / "table1.csv"), pd.read_csv(project.root / "released/table1.csv")
    paper, factor = pd.read_csv(project.paper / "table1.csv"), report.disagreement
    tables = [
        table1(*_training(project, f"{model}-{seed}", model, attacks), report, paper)
        for model in seeds.models
        for seed in seeds.seeds
    ]
    table = control(authors, ours, spread(ours, pd.concat(tables)))
    far = disagreements(ours, authors, factor)
    write_csv(project.metrics / "control.csv", table)
    write_csv(project.metrics / "disagreements.csv", far)
    with replacing(project.metrics / "control.md") as partial:
        partial.write_text(f"{disagreements_as_markdown(far, factor)}\n{table_as_markdown(table)}")
    print(f"{len(far)} medians far from the paper's")


def _training(
    project: Project, name: str, model: str, attacks: dict[str, AttackBlock]
) -> tuple[dict[Row, Cell], dict[str, pd.DataFrame]]:
    """The cells of another training, and its predictions on clean images."""
    stem = project.results / "seeds" / name
    records = read_records(stem.with_suffix(".csv"))
    cells = {}
    for attack in records.columns:
        block = attacks[attack]
        row = Row(block.norm, block.label, model)
        cells[row] = Cell(
            attack, block.module, stem, records[[attack]].set_axis([block.norm], axis=1).assign(rejected=False)
        )
    return cells, {model: read_records(stem.with_name(f"{name}-clean.csv"))}


if __name__ == "__main__":
    run(main)
