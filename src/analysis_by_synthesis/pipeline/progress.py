"""How long work shows how far it is: one bar on a terminal, lines in a log file."""

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

T = TypeVar("T")
EVERY = 30  # seconds between two lines in a log file
KEPT = 0.01  # of the longest piece's time: what took less was there already
SHORT = 0.1  # seconds: what took less was there already, or is over soon

_shown: list[Progress] = []


def progress(items: Collection[T], label: str) -> Iterator[T]:
    """The items one by one, while a terminal shows a bar with the time left, and a log file a line every half minute."""
    console = Console(stderr=True)
    pieces = _on_terminal(items, label, console) if console.is_terminal else _in_lines(items, label)
    yield from pieces


def stop() -> None:
    """Take away the bars that an interrupted stage has left."""
    while _shown:
        _shown.pop().stop()


def time_left(seconds: Sequence[float], waiting: int) -> float | None:
    """What so many pieces will take, by those that are done; None as long as no piece was made.

    Pieces that an earlier run has kept take next to nothing, and say nothing about those to come.
    """
    made = [each for each in seconds if each > max(SHORT, KEPT * max(seconds))]
    return waiting * sum(made) / len(made) if made else None


def _on_terminal(items: Collection[T], label: str, console: Console) -> Iterator[T]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Left())
    bar = Progress(*columns, console=console, transient=True)
    _shown.append(bar)
    bar.start()
    task = bar.add_task(label, total=len(items), ends=None)
    for seconds, item in _timed(items):
        left = time_left(seconds, len(items) - len(seconds))
        bar.update(task, completed=len(seconds), ends=None if left is None else time.monotonic() + left)
        yield item
    _shown.remove(bar)
    bar.stop()


def _in_lines(items: Collection[T], label: str) -> Iterator[T]:
    said = time.monotonic()
    for seconds, item in _timed(items):
        left = time_left(seconds, len(items) - len(seconds))
        if left is not None and time.monotonic() - said >= EVERY:
            said = time.monotonic()
            print(f"{label}: {len(seconds)} of {len(items)}, {clock(left)} left", file=sys.stderr, flush=True)
        yield item


def _timed(items: Collection[T]) -> Iterator[tuple[list[float], T]]:
    """Each item, with the seconds that those before it have taken."""
    seconds: list[float] = []
    for item in items:
        began = time.monotonic()
        yield seconds, item
        seconds.append(time.monotonic() - began)


class _Left(ProgressColumn):
    """The time left, which goes on running while a piece is made."""

    def render(self, task: Task) -> Text:
        ends = task.fields["ends"]
        return Text("" if ends is None else f"{clock(max(ends - time.monotonic(), 0))} left")


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
