"""What the audit checks of Table 2, two-class CIFAR."""

from analysis_by_synthesis.audit.pipelines import Pipeline
from analysis_by_synthesis.evaluation import table2
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project

BOUNDED = ["abs"]


def cells(project: Project) -> dict[Row, Cell]:
    """Its records."""
    attacks, lists = read({"attacks": dict[str, AttackBlock], "cells.attack": dict[str, list[str]]}, project.params)
    return table2.read_cells(project, attacks, lists, BOUNDED)


TWO_CLASS_CIFAR = Pipeline("two-class CIFAR", "two_class_cifar", "make cifar", cells)
