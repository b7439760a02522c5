"""What the audit checks of the authors' own networks, whose weights are not in git."""

import pandas as pd

from analysis_by_synthesis.audit.pipelines import Pipeline
from analysis_by_synthesis.evaluation.control import authors_table
from analysis_by_synthesis.evaluation.results import Cell, Row, read_finished_cells
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.params.report import ReportSettings
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records


def cells(project: Project) -> dict[Row, Cell]:
    """Its records, as far as it has been run."""
    return _cells(project)[0]


def _cells(project: Project) -> tuple[dict[Row, Cell], dict[Row, str]]:
    attacks, lists = read({"attacks": dict[str, AttackBlock], "cells": Cells}, project.params)
    return read_finished_cells(project, attacks, lists)


def tabulate(project: Project) -> pd.DataFrame:
    """Table 1 of the authors' networks, from its records."""
    settings, compared = read({"report": ReportSettings, "compared": dict[str, Released]}, project.params)
    paper = pd.read_csv(Project(project.root / "..").paper / "table1.csv")
    clean = {path.stem: read_records(path) for path in sorted(project.clean.glob("*.csv"))}
    table = authors_table(*_cells(project), clean, settings, paper, compared)
    return table.astype({"n": float, "rejected": float})  # as a CSV file with gaps is read


RELEASED = Pipeline("the authors' networks", "released", "make released", "table1.csv", cells, tabulate)
