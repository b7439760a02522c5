"""The checks of a pipeline that is a project of its own, in a folder; what can't be checked here says so in one sentence."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd

from analysis_by_synthesis.audit.adversarials import check_cells
from analysis_by_synthesis.audit.bounds import check_bounds
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.stages import read_stages
from analysis_by_synthesis.audit.state import check_code, check_configuration, check_state
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project

TOLERANCE = 1e-5  # relative: the CSV has six digits


class Pipeline(NamedTuple):
    """A pipeline in a folder of its own.

    Attributes:
        name: in sentences.
        folder: below the root.
        command: that computes its results.
        table: the file in metrics/ that follows from its records.
        cells: the records of a project.
        tabulate: the table of a project, from these.
    """

    name: str
    folder: str
    command: str
    table: str
    cells: Callable[[Project], dict[Row, Cell]]
    tabulate: Callable[[Project], pd.DataFrame]


def verdicts(main: Project, pipeline: Pipeline, share: float, seed: int) -> Iterator[Verdict]:
    """What each check finds.

    Args:
        main: the project of the paper's other results.
        share: of the adversarials of a large cell that are verified, drawn with `seed`.
    """
    project = Project(main.root / pipeline.folder)
    if not (project.metrics / pipeline.table).is_file():
        note = f"it has no results yet; {pipeline.command} computes them"
        yield Verdict(pipeline.name, notes=[note], skipped=True)
        return
    yield check_code(project)
    yield check_configuration(project)
    cells = pipeline.cells(project)
    yield check_table(project, pipeline)
    for row, cell in cells.items():
        if cell.attack == BOUND_GUIDED:
            yield check_bounds(cell.records, cells, row.model, row.norm)
    try:
        models = {name: load_model(name, project.models) for name in sorted({row.model for row in cells})}
        images, labels = dataset(project).load("test")
    except UserError as error:
        note = f"{error}; {pipeline.command} gets what is missing"
        yield Verdict(f"{pipeline.name}: state, predictions and adversarials", notes=[note], skipped=True)
        return
    yield _check_state(project)
    (clean,) = read({"clean_images": Count}, project.params)
    for name, model in models.items():
        if (path := project.clean / f"{name}.csv").is_file():
            yield check_clean(path, clean, model, images, labels)
        stems = [cell.stem for row, cell in cells.items() if row.model == name]
        yield from check_cells(stems, model, images, labels, project.experiment, share, seed)


def _check_state(project: Project) -> Verdict:
    """Of the stages that have been run."""
    stages = read_stages(project)
    finished = {
        name: stage for name, stage in stages.items() if any((project.root / out).exists() for out in stage.outs)
    }
    verdict = check_state(project, finished)
    if waiting := len(stages) - len(finished):
        verdict.notes.append(f"{waiting} more stages of {project.root.name} have not been run yet")
    return verdict


def check_table(project: Project, pipeline: Pipeline) -> Verdict:
    """Does its table follow from the records?"""
    verdict = Verdict(f"{pipeline.name}: {pipeline.table} follows from its records")
    try:
        stored = pd.read_csv(project.metrics / pipeline.table)
        made = pipeline.tabulate(project)
    except (UserError, FileNotFoundError) as error:
        return Verdict(verdict.checked, [str(error)])
    try:
        pd.testing.assert_frame_equal(made, stored, check_dtype=False, rtol=TOLERANCE)
    except AssertionError as difference:
        verdict.faults.append(f"{pipeline.table}: {' '.join(str(difference).split())}")
    return verdict
