"""The stages of dvc.yaml, as DVC resolves them, and what dvc.lock says of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from analysis_by_synthesis.pipeline.card import CARD_KEYS
from analysis_by_synthesis.pipeline.code import CODE_FILE
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: "attack@cnn-fgm".
        command: its script and arguments.
        deps, outs: files and folders.
        code: the fingerprints that dvc.lock has for its entry points.
    """

    name: str
    command: list[str]
    deps: list[Path]
    outs: list[Path]
    code: dict[str, str]

    def card(self) -> dict[str, Any] | None:
        """The run card among its outputs, if there is one."""
        for out in self.outs:
            if out.suffix == ".json" and out.exists():
                content = read_json(out)
                if content.keys() >= CARD_KEYS:
                    return content
        return None


def read_stages() -> dict[str, Stage]:
    """All stages of the project in the working directory, by name.

    Raises:
        UserError: there is no project here, or dvc.yaml can't be read.
    """
    try:
        with Repo() as repo:
            return {stage.name: _resolved(stage) for stage in repo.index.stages}
    except Exception as error:  # DVC has many, each with a sentence
        raise UserError(f"dvc.yaml and dvc.lock can't be read here ({error}); take them from git.") from error


def _resolved(stage: Any) -> Stage:
    files = [dep for dep in stage.deps if not hasattr(dep, "params")]
    locked = [
        dep.hash_info.value or {} for dep in stage.deps if dep.def_path == str(CODE_FILE) and hasattr(dep, "params")
    ]
    return Stage(
        stage.name,
        stage.cmd.split()[1:],
        [Path(dep.def_path) for dep in files],
        [Path(out.def_path) for out in stage.outs],
        locked[0] if locked else {},
    )
