"""How long work shows how far it is."""

import sys
from collections.abc import Iterable

from tqdm import tqdm


def progress(items: Iterable, label: str) -> tqdm:
    """A progress bar on a terminal, a line every half minute in a log file."""
    interval = 0.5 if sys.stderr.isatty() else 30
    return tqdm(items, desc=label, mininterval=interval, maxinterval=interval, dynamic_ncols=True)
