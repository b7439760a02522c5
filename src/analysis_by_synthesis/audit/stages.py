"""The stages of dvc.yaml, as DVC resolves them, and what dvc.lock says of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_card


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: "attack@cnn-fgm".
        command: its script and arguments.
        deps, outs: files and folders, from the project's root.
        code: the fingerprints that dvc.lock has for its entry points.
        card: the run card among its outputs, if there is one.
    """

    name: str
    command: list[str]
    deps: list[Path]
    outs: list[Path]
    code: dict[str, str]
    card: dict[str, Any] | None


def read_stages(project: Project) -> dict[str, Stage]:
    """All stages of a project, by name.

    Raises:
        UserError: dvc.yaml or dvc.lock can't be read.
    """
    if not project.lock.exists():
        raise UserError(f"{project.lock} is not here; take it from git, or run: dvc repro")
    try:
        with Repo(str(project.root)) as repo:
            own = [stage for stage in repo.index.stages if Path(stage.wdir) == project.root.resolve()]
            return {stage.name: _resolved(project, stage) for stage in own}
    except UserError:
        raise
    except Exception as error:  # DVC has many, each with a sentence
        raise UserError(f"dvc.yaml and dvc.lock can't be read here ({error}); take them from git.") from error


def _resolved(project: Project, stage: Any) -> Stage:
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    locked = [dep.hash_info.value or {} for dep in params if dep.def_path == project.code.name]
    outs = [Path(out.def_path) for out in stage.outs]
    cards = filter(None, (read_card(project.root / out) for out in outs))
    return Stage(
        stage.name,
        stage.cmd.split()[1:],
        [Path(dep.def_path) for dep in stage.deps if dep not in params],
        outs,
        locked[0] if locked else {},
        next(cards, None),
    )
