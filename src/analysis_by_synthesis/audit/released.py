"""What the audit checks of the authors' own networks, whose weights are not in git."""

from analysis_by_synthesis.audit.pipelines import Pipeline
from analysis_by_synthesis.evaluation.results import Cell, Row, read_finished_cells
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project


def cells(project: Project) -> dict[Row, Cell]:
    """Its records, as far as it has been run."""
    attacks, lists = read({"attacks": dict[str, AttackBlock], "cells": Cells}, project.params)
    found, _ = read_finished_cells(project, attacks, lists)
    return found


RELEASED = Pipeline("the authors' networks", "released", "make released", cells)
