"""Table 1 of networks that were trained once more, with other seeds."""

import pandas as pd

from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table1 import table1
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.params.seeds import Seeds
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records


def trainings_table(
    project: Project, seeds: Seeds, attacks: dict[str, AttackBlock], settings: ReportSettings, paper: pd.DataFrame
) -> pd.DataFrame:
    """The rows of all further trainings, one after the other.

    Args:
        attacks, settings, paper: as of evaluation.table1.

    Returns:
        its columns.

    Raises:
        UserError: records are missing.
    """
    tables = []
    for model in seeds.models:
        for seed in seeds.seeds:
            stem = project.results / "seeds" / f"{model}-{seed}"
            records = read_records(stem.with_suffix(".csv"))
            cells = {}
            for attack in records.columns:
                block = attacks[attack]
                distances = records[[attack]].set_axis([block.norm], axis=1)
                cells[Row(block.norm, block.label, model)] = Cell(
                    attack, block.module, stem, distances.assign(rejected=False)
                )
            clean = {model: read_records(stem.with_name(f"{stem.name}-clean.csv"))}
            tables.append(table1(cells, clean, settings, paper))
    return pd.concat(tables)
