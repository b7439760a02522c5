"""How far all of the work is."""

import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn

from analysis_by_synthesis.pipeline.progress import EVERY, clock
from analysis_by_synthesis.workers.costs import Costs
from analysis_by_synthesis.workers.graph import Stage
from analysis_by_synthesis.workers.task import Task


class Progress:
    """One bar for all stages: its unit is a second of one worker, as the run cards let expect.

    Stages that need what is stale count with what they have taken the last time, until it is known whether they are stale.
    """

    def __init__(self, stages: Mapping[str, Stage], costs: Costs) -> None:
        self.stages, self.costs = stages, costs
        self.open = set(stages)
        self.expected: dict[str, float] = {}
        self.pieces = self.made = 0

    def __enter__(self) -> Self:
        self.began = self.said = time.monotonic()
        self.done, self.total = 0.0, 1.0
        console = Console(stderr=True)
        columns = (TaskProgressColumn(), BarColumn(), TextColumn("{task.description}"))
        self.bar = rich.progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("", total=self.total)
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bar.stop()

    def expect(self, stale: Collection[str], tasks: Collection[Task]) -> None:
        """These stages are stale, and these are their tasks."""
        self.expected |= dict.fromkeys(stale, 0.0)
        for task in tasks:
            self.expected[task.stage] += task.seconds
            self.pieces += len(task.pieces)
        self.refresh()

    def finish(self, task: Task) -> None:
        """A task is done."""
        self.expected[task.stage] -= task.seconds
        self.made += len(task.pieces)
        self.done += task.seconds
        self.refresh()

    def settle(self, names: Collection[str]) -> None:
        """These stages are up to date."""
        self.open -= set(names)
        for name in names:
            self.expected.pop(name, None)
        self.refresh()

    def refresh(self) -> None:
        """Say how far everything is now."""

        @cache
        def needs_stale(name: str) -> bool:
            return any(other in self.expected or needs_stale(other) for other in self.stages[name].needs & self.open)

        below = (name for name in self.open - self.expected.keys() if needs_stale(name))
        left = sum(self.expected.values()) + sum(map(self.costs.last, below))
        self.total = max(self.done + left, 1.0)
        stages, settled = len(self.stages), len(self.stages) - len(self.open)
        gone = time.monotonic() - self.began
        time_left = f", {clock(gone * left / self.done)} left" if self.done else ""
        said = f"{settled} of {stages} stages, {self.made} of {self.pieces} pieces, {clock(gone)} gone{time_left}"
        self.bar.update(self.task, completed=self.done, total=self.total, description=said)
        if self.bar.disable and time.monotonic() - self.said >= EVERY:
            self.said = time.monotonic()
            print(said, file=sys.stderr, flush=True)

    @contextmanager
    def out_of_the_way(self) -> Iterator[None]:
        """While others print."""
        self.bar.stop()
        yield
        self.bar.start()
