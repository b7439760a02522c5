"""The checks of a pipeline that is a project of its own, in a folder; what can't be checked here says so in one sentence."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from analysis_by_synthesis.audit.adversarials import check_cells
from analysis_by_synthesis.audit.bounds import check_bounds
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.files import check_files
from analysis_by_synthesis.audit.remake import check_remake
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


class Pipeline(NamedTuple):
    """A pipeline in a folder of its own.

    Attributes:
        name: in sentences.
        folder: below the root.
        command: that computes its results.
        cells: the records of a project.
    """

    name: str
    folder: str
    command: str
    cells: Callable[[Project], dict[Row, Cell]]


def verdicts(main: Project, pipeline: Pipeline, share: float, seed: int) -> Iterator[Verdict]:
    """What each check finds.

    Args:
        main: the project of the paper's other results.
        share: of the adversarials of a large cell that are verified, drawn with `seed`.
    """
    project = Project(main.root / pipeline.folder)
    table = read_stages(project)["table"]
    if not any((project.root / out).exists() for out in table.outs):
        note = f"it has no results yet; {pipeline.command} computes them"
        yield Verdict(pipeline.name, notes=[note], skipped=True)
        return
    readable = check_files(project)
    yield readable
    if readable.faults:
        return
    yield check_code(project)
    yield check_configuration(project)
    remade = check_remake(project, table)
    yield Verdict(f"{pipeline.name}, {remade.checked}", remade.faults)
    cells = pipeline.cells(project)
    for row, cell in cells.items():
        if cell.attack == BOUND_GUIDED:
            yield check_bounds(cell.records, cells, row.model, row.norm)
    try:
        models = {name: load_model(name, project.models) for name in sorted({row.model for row in cells})}
        images, labels = dataset(project).load("test")
    except UserError as error:
        what, _, _ = str(error).partition(";")
        note = f"{what}; {pipeline.command} gets what is missing"
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
