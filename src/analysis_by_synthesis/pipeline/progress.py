"""How long work shows how far it is."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], label: str) -> Iterable[T]:
    """A progress bar on a terminal, a line every half minute in a log file."""
    interval = 0.5 if sys.stderr.isatty() else 30
    bar: Iterable[T] = tqdm(items, desc=label, mininterval=interval, maxinterval=interval, dynamic_ncols=True)
    return bar
