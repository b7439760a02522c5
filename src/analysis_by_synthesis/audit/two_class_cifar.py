"""The checks of Table 2, whose pipeline is a project of its own; those that need its images say so where these aren't here."""

from collections.abc import Iterator

import pandas as pd

from analysis_by_synthesis.audit.adversarials import check_cell
from analysis_by_synthesis.audit.bounds import check_bounds
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.stages import read_stages
from analysis_by_synthesis.audit.state import check_code, check_configuration, check_state
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table2 import read_cells, table2
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.cells import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.two_class_cifar import Table
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records

FOLDER = "two_class_cifar"
BOUNDED = ["abs"]
TOLERANCE = 1e-5  # relative: the CSV has six digits


def verdicts(main: Project, share: float, seed: int) -> Iterator[Verdict]:
    """What each check finds.

    Args:
        main: the project of the paper's other results.
        share: of the adversarials of a large cell that are verified, drawn with `seed`.
    """
    project = Project(main.root / FOLDER)
    if not (project.metrics / "table2.csv").is_file():
        yield Verdict("two-class CIFAR: not checked", notes=["it has no results yet; make cifar computes them"])
        return
    yield check_code(project)
    yield check_state(project, read_stages(project))
    yield check_configuration(project)
    attacks, lists, settings = read(
        {"attacks": dict[str, AttackBlock], "cells.attack": dict[str, list[str]], "table": Table}, project.params
    )
    cells = read_cells(project, attacks, lists, BOUNDED)
    yield check_table(project, cells, settings)
    for name in BOUNDED:
        yield check_bounds(cells, name, "l2")
    try:
        images, labels = dataset(project).load("test")
    except UserError as error:
        yield Verdict("two-class CIFAR: predictions and adversarials are not checked", notes=[str(error)])
        return
    for name in lists:
        model = load_model(name, project.models)
        yield check_clean(project.clean / f"{name}.csv", model, images, labels)
        for row, cell in cells.items():
            if row.model == name:
                samples = read_json(cell.stem.with_suffix(".json"))["samples"]
                yield check_cell(cell.stem, samples, model, images, labels, share, seed)


def check_table(project: Project, cells: dict[Row, Cell], settings: Table) -> Verdict:
    """Does Table 2 follow from the records?"""
    verdict = Verdict("Table 2 follows from its records")
    try:
        clean = {model: read_records(project.clean / f"{model}.csv") for model in settings.paper}
        stored = pd.read_csv(project.metrics / "table2.csv")
    except (UserError, FileNotFoundError) as error:
        return Verdict(verdict.checked, [str(error)])
    try:
        pd.testing.assert_frame_equal(table2(cells, clean, settings.paper), stored, check_dtype=False, rtol=TOLERANCE)
    except AssertionError as difference:
        verdict.faults.append(f"table2.csv: {' '.join(str(difference).split())}")
    return verdict
