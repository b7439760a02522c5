"""What one worker is given to do, and the process that does it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.workers import worker

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Task:
    """Some pieces of a stage's work.

    Attributes:
        stage: its name.
        command: script and arguments of the stage.
        pieces: their names, and the files that are to hold them.
        inputs: what the stage reads: files and folders, from the project's root.
        seconds: that it is expected to take.
    """

    stage: str
    command: tuple[str, ...]
    pieces: Mapping[str, Path]
    inputs: tuple[Path, ...]
    seconds: float


class DeathError(Exception):
    """A worker was killed, or its machine is lost."""


class Pool(Protocol):
    """Where tasks are done."""

    def submit(self, task: Task) -> Future[dict[Path, bytes]]:
        """Do a task some time: the dearest of those that wait comes first.

        Returns:
            the content of its files, as far as they aren't in place already. It raises DeathError, or a UserError.
        """

    def close(self) -> None:
        """End all workers, and what they are doing."""


def perform(task: Task, root: Path, environment: Mapping[str, str], running: set[subprocess.Popen[bytes]]) -> None:
    """Do a task in a process of its own, which ends with this one.

    Args:
        root: of the project, which has all inputs.
        environment: what is to be changed in it.
        running: holds the process while it lives.

    Raises:
        UserError: the worker says so.
        DeathError: it was killed.
    """
    command = [sys.executable, "-m", worker.__name__, *task.command, "--", *task.pieces]
    with TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=root, env={**os.environ, **ONE_THREAD, **environment}, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        with process:
            running.add(process)
            code = process.wait()
            running.discard(process)
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    if code < 0:
        raise DeathError(f"signal {-code}")
    if code:
        last = words.splitlines()[-1:]
        sentence = last[0].removeprefix("ERROR: ") if last and last[0].startswith("ERROR: ") else f"it says:\n{words}"
        raise UserError(f"{task.stage}: {sentence}")
    if absent := [path for path in task.pieces.values() if not (root / path).exists()]:
        raise UserError(
            f"{task.stage}: its worker has made another piece than {absent[0]}; code, parameters or data have changed"
            " since the start, or differ between the machines; run again."
        )
