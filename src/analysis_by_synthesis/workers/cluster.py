"""Workers of a Ray cluster, which shares no disk with this machine.

The code travels as Ray's working directory, once. What a stage reads travels through Ray's object store, once to each node,
and the finished pieces come back the same way.
"""

import os
import shutil
import socket
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analysis_by_synthesis.pipeline.code import PACKAGE
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import root_of
from analysis_by_synthesis.workers.task import DeathError, Task, perform

Files = dict[Path, bytes]
SOURCES = "src"
CODE = "code"  # in the working directory: the sources and the stages, as they lie around the project
NOT_CODE = shutil.ignore_patterns("__pycache__", "*.egg-info")


class RayPool:
    """As many tasks at a time as the cluster has GPUs or, if it has none, cores.

    Args:
        address: of the cluster, as of `ray.init`.

    Raises:
        UserError: Ray isn't installed, or there is no cluster.
    """

    def __init__(self, project: Project, address: str) -> None:
        try:
            import ray
        except ImportError:
            raise UserError("Ray is not installed; run: pip install --no-deps -r requirements-cluster.txt") from None
        self.ray, self.root = ray, project.root
        repository = root_of(project.params.resolve())
        self.inside = project.root.resolve().relative_to(repository)
        with TemporaryDirectory() as folder:
            pack(repository, self.inside, Path(folder))
            environment = {"working_dir": folder, "py_modules": [f"{folder}/{CODE}/{SOURCES}/{PACKAGE}"]}
            try:
                knock(address)
                ray.init(address, runtime_env=environment, log_to_driver=False, logging_level="warning")
            except OSError as error:
                raise UserError(
                    f"there is no Ray cluster at {address} ({error}); start one: ray start --head"
                ) from None
        unit = "num_gpus" if ray.cluster_resources().get("GPU") else "num_cpus"
        self.remotely = ray.remote(max_retries=0, **{unit: 1})(perform_here)
        self.sent = cache(self._sent)

    def submit(self, task: Task) -> Future[Files]:
        future: Future[Files] = Future()
        self.remotely.remote(task, self.inside, *map(self.sent, task.inputs)).future().add_done_callback(
            lambda done: self._pass_on(done, future)
        )
        return future

    def close(self) -> None:
        self.ray.shutdown()

    def _sent(self, path: Path) -> Any:
        """What a stage reads, in the object store."""
        return self.ray.put(content(self.root, path))

    def _pass_on(self, done: Future[Files], future: Future[Files]) -> None:
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        elif isinstance(error, self.ray.exceptions.RayTaskError):
            future.set_exception(error.cause)
        else:
            future.set_exception(DeathError(str(error).splitlines()[0]))


def knock(address: str) -> None:
    """See whether anybody listens at host:port; Ray itself would wait for minutes.

    Raises:
        OSError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def pack(repository: Path, inside: Path, folder: Path) -> None:
    """Copy the code to a folder, as nodes of the cluster get it.

    Args:
        inside: where the project lies in its repository.
    """
    for part in {Path(SOURCES), Path("stages"), inside / "stages"}:
        shutil.copytree(repository / part, folder / CODE / part, ignore=NOT_CODE)


def content(root: Path, path: Path) -> Files:
    """Of a file, or of all files of a folder."""
    here = root / path
    files = [file for file in here.rglob("*") if file.is_file()] if here.is_dir() else [here]
    return {file.relative_to(root): file.read_bytes() for file in files}


def perform_here(task: Task, inside: Path, *inputs: Files) -> Files:
    """On a node of the cluster: do a task in a project that has only what the task needs.

    Args:
        inside: where the project lies in its repository.

    Returns:
        the files that the task has made.
    """
    home = Path.cwd() / f"worker-{os.getpid()}"
    root = home / inside
    shutil.copytree(CODE, home, dirs_exist_ok=True)
    for path, content in (item for files in inputs for item in files.items()):
        if not (root / path).exists() or (root / path).read_bytes() != content:
            with replacing(root / path) as partial:
                partial.write_bytes(content)
    perform(task, root, {"PYTHONPATH": str(home / SOURCES)}, set())
    return {path: (root / path).read_bytes() for path in task.pieces.values()}
