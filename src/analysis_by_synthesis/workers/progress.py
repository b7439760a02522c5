"""How far all of the work is."""

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Self

from tqdm import tqdm

from analysis_by_synthesis.workers.costs import Costs
from analysis_by_synthesis.workers.graph import Stage
from analysis_by_synthesis.workers.task import Task

LAYOUT = "{percentage:3.0f}%|{bar}| {desc}, {elapsed} gone, {remaining} left"


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
        interval = 0.5 if sys.stderr.isatty() else 30
        self.bar = tqdm(total=1.0, bar_format=LAYOUT, mininterval=interval, maxinterval=interval, dynamic_ncols=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bar.close()

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
        self.bar.update(task.seconds)
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
        self.bar.total = max(self.bar.n + left, 1.0)
        stages, done = len(self.stages), len(self.stages) - len(self.open)
        self.bar.set_description_str(f"{done} of {stages} stages, {self.made} of {self.pieces} pieces", refresh=False)
        self.bar.update(0)

    @contextmanager
    def out_of_the_way(self) -> Iterator[None]:
        """While others print."""
        self.bar.clear()
        yield
