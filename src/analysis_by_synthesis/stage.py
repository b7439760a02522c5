"""What every stage script shares: how it fails, how it shows progress, how it writes."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm import tqdm

FULL_DISK = 2**20  # bytes; with less than this free, a failed write is put down to it


class Problem(Exception):
    """Something the user has to mend; its text is one sentence that says what to do."""


def run(main: Callable[..., None]) -> None:
    """Call `main` with the command line's arguments; a `Problem` ends as one sentence and exit code 1."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(f"ERROR: {problem}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; it becomes `path` only when the block has succeeded.

    Raises:
        Problem: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except Exception as error:  # every library has its own for a full disk
        if shutil.disk_usage(path.parent).free < FULL_DISK:
            raise Problem(
                f"the disk is full; free some space for {path} and run again, finished work is kept."
            ) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def progress(items: Iterable, label: str) -> tqdm:
    """A progress bar on a terminal, a line every half minute in a log file."""
    interval = 0.5 if sys.stderr.isatty() else 30
    return tqdm(items, desc=label, mininterval=interval, maxinterval=interval, dynamic_ncols=True)


def device() -> torch.device:
    """The GPU, where there is one, without the shorter floats that its convolutions take by default."""
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
