"""The stages of dvc.yaml: what each needs, which are stale, and their runs by DVC."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dvc.stage import Stage as DVCStage

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.workers.dvc_repo import held, opened, own_stages


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml.

    Attributes:
        name: "attack@cnn-fgm".
        command: the words that run it.
        needs: the stages that make what it reads.
        inputs, outs: files and folders, from the project's root.
    """

    name: str
    command: tuple[str, ...]
    needs: frozenset[str]
    inputs: tuple[Path, ...]
    outs: tuple[Path, ...]


def read_stages(project: Project) -> dict[str, Stage]:
    """The stages of the project, by name."""
    with opened(project.root) as repo:
        successors = repo.index.graph.successors
        return {stage.name: _stage(stage, successors(stage)) for stage in own_stages(repo, project.root)}


def _stage(stage: DVCStage, needed: Collection[DVCStage]) -> Stage:
    inputs, outs = ({Path(part.def_path) for part in parts} for parts in (stage.deps, stage.outs))
    names = frozenset(other.name for other in needed)
    return Stage(stage.name, tuple(stage.cmd.split()), names, tuple(sorted(inputs)), tuple(sorted(outs)))


def stale(project: Project, names: Collection[str]) -> set[str]:
    """Those of the stages that `dvc repro --single-item` would run.

    `Repo.status` with many targets would read dvc.lock anew for each.
    """
    if not names:
        return set()
    with held(project.root) as repo:
        stages = own_stages(repo, project.root)
        return {stage.name for stage in stages if stage.name in names and stage.status(check_updates=True)}


def repro(names: Collection[str]) -> None:
    """Let DVC run these stages, each of which has all that it needs.

    Raises:
        UserError: one fails.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for their `python`
    command = [sys.executable, "-m", "analysis_by_synthesis.workers.repro", *sorted(names)]
    dvc = subprocess.Popen(command, env=os.environ | {"PATH": path}, start_new_session=True)  # Ctrl-C is passed on once
    try:
        code = dvc.wait()
    except KeyboardInterrupt:
        with suppress(ProcessLookupError):
            os.killpg(dvc.pid, signal.SIGINT)
        dvc.wait()  # it writes dvc.lock
        raise
    if code:
        raise UserError("a stage has failed, as said above; mend it, and run again.")
