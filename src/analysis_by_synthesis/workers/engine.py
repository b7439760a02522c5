"""Until nothing is stale: in the order of the graph, the pieces of all stale stages side by side, the dearest first."""

import fcntl
import logging
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.workers.costs import Costs
from analysis_by_synthesis.workers.graph import Stage, read_stages, repro, stale
from analysis_by_synthesis.workers.progress import Progress
from analysis_by_synthesis.workers.task import DeathError, Pool, Task
from analysis_by_synthesis.workers.worker import work_of

LIVES = 3  # deaths of a task's worker that end the run
GROUP = 20  # complete stages that aren't kept waiting for others
TASK = 30.0  # seconds that a task is expected to take at least, if its stage does: a worker takes three to start

log = logging.getLogger(__name__)


def run(project: Project, pool: Pool) -> None:
    """Make all that is stale.

    Raises:
        UserError: a stage fails, a worker dies again and again, or another run is at work here.
    """
    try:
        with only_run(project.work / "lock"):
            Engine(project, pool).run()
    finally:
        pool.close()


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold a lock as long as this process lives.

    Raises:
        UserError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(f"process {file.read()} is at work here already; wait for it, or stop it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class Engine:
    """One run.

    Attributes:
        settled: the stages that are up to date.
        begun: the stale stages that have what they need, and how many of their tasks aren't done.
        running: the tasks that are given to the pool.
        deaths: of workers, by the first piece of their task.
    """

    def __init__(self, project: Project, pool: Pool) -> None:
        self.project, self.pool = project, pool
        self.stages = read_stages(project)
        self.costs = Costs(project, self.stages.values())
        self.settled: set[str] = set()
        self.begun: dict[str, int] = {}
        self.running: dict[Future[dict[Path, bytes]], Task] = {}
        self.deaths: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        with Progress(self.stages, self.costs) as self.progress:
            while len(self.settled) < len(self.stages):
                if self._begin():
                    continue
                complete = {name for name, tasks in self.begun.items() if not tasks}
                if complete and self._is_time_for(complete):
                    with self.progress.out_of_the_way():
                        repro(complete)
                    self._settle(complete)
                else:
                    self._collect()

    def _begin(self) -> bool:
        """Look at the stages that have got all they need; whether there were any."""
        waiting = self.stages.keys() - self.settled - self.begun.keys()
        able = {name for name in waiting if self.stages[name].needs <= self.settled}
        found = stale(self.project, able)
        self._settle(able - found)
        tasks = [task for name in sorted(found) for task in self._tasks(self.stages[name])]
        self.begun |= dict.fromkeys(found, 0) | Counter(task.stage for task in tasks)
        self.progress.expect(found, tasks)
        for task in sorted(tasks, key=lambda task: -task.seconds):
            self.running[self.pool.submit(task)] = task
        return bool(able)

    def _is_time_for(self, complete: set[str]) -> bool:
        """Whether DVC is to run these stages now: it reads and writes dvc.lock for few of them as long as for many."""
        waiting = self.stages.keys() - self.settled - self.begun.keys()
        enables = any(self.stages[name].needs <= self.settled | complete for name in waiting)
        return len(complete) >= GROUP or enables or not self.running

    def _settle(self, names: set[str]) -> None:
        self.settled |= names
        for name in names:
            self.begun.pop(name, None)
        self.progress.settle(names)

    def _tasks(self, stage: Stage) -> list[Task]:
        """What is still to be made before DVC runs the stage."""
        interpreter, script, *arguments = stage.command
        if interpreter != "python" or not script.endswith(".py"):
            return []
        work = work_of(script, arguments)
        if work is None:
            return []
        missing = list(work.missing().items())
        seconds = self.costs.of(stage.name, work.samples) / len(work.pieces)
        together = max(1, round(TASK / seconds))
        groups = (missing[first : first + together] for first in range(0, len(missing), together))
        command = (script, *arguments)
        return [Task(stage.name, command, dict(group), stage.inputs, seconds * len(group)) for group in groups]

    def _collect(self) -> None:
        """Wait for a task to be done."""
        done, _ = wait(self.running, timeout=30, return_when=FIRST_COMPLETED)
        self.progress.refresh()
        for future in done:
            task = self.running.pop(future)
            try:
                files = future.result()
            except DeathError as error:
                self._bury(task, error)
                continue
            for path, content in files.items():
                with replacing(self.project.root / path) as partial:
                    partial.write_bytes(content)
            self.begun[task.stage] -= 1
            self.progress.finish(task)

    def _bury(self, task: Task, error: DeathError) -> None:
        """A worker has died: another one goes on with its task."""
        key = (task.stage, next(iter(task.pieces)))
        self.deaths[key] += 1
        if self.deaths[key] == LIVES:
            raise UserError(
                f"{LIVES} workers have died of {task.stage} ({error}); if memory has run out, take fewer --jobs."
            )
        log.warning("A worker has died (%s); another one goes on with %s.", error, task.stage)
        self.running[self.pool.submit(task)] = task
