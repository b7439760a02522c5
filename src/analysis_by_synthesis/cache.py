"""The user's cache: files that can be computed or downloaded again, so that nothing depends on them.

They lie in the cache folder of the operating system (on Linux $XDG_CACHE_HOME or ~/.cache, then analysis-by-synthesis), which may be
deleted at any time. Where it can't be written, or the disk is full, there is no cache, and one warning says so.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

LIMIT = 2 * 2**30  # bytes of one kind of files
ENTRIES = 4  # of one kind that has a limit

log = logging.getLogger(__name__)


def folder(kind: str) -> Path:
    """Where files of this kind are cached, for instance "tables"."""
    return Path(platformdirs.user_cache_dir("analysis-by-synthesis", appauthor=False)) / kind


def store(path: Path, write: Callable[[Path], object]) -> None:
    """Write a cached file or folder under a temporary name, then give it its own: others see it whole or not at all.

    The ones of its kind that were used longest ago are deleted beyond `ENTRIES` and `LIMIT`.

    Args:
        path: below `folder(kind)`.
        write: writes to the path that it is given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent, ignore_cleanup_errors=True) as scratch:
            partial = Path(scratch) / path.name
            write(partial)
            os.replace(partial, path)
    except OSError as error:
        _say_once(str(path.parents[1]), error.strerror)
    else:
        with suppress(OSError):  # another process deletes too
            _forget_oldest(path.parent)


def touch(path: Path) -> None:
    """Note that a cached file or folder is in use, so that others are deleted before it."""
    with suppress(OSError):  # it may be read-only
        os.utime(path)


@cache
def can_store(kind: str, size: int) -> bool:
    """Whether so many bytes can be written; for libraries that write to `folder(kind)` on their own."""
    where = folder(kind)
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".", dir=where) as probe:
            probe.write(bytes(size))
            probe.flush()
    except OSError as error:
        _say_once(str(where.parent), error.strerror)
        return False
    with suppress(OSError):
        _forget_oldest(where)
    return True


def _forget_oldest(where: Path) -> None:
    """Delete what was used longest ago, and what an interrupted process has left, beyond the limits."""
    size = 0
    for number, entry in enumerate(sorted(where.iterdir(), key=_last_used, reverse=True)):
        size += sum(file.stat().st_size for file in [entry, *entry.rglob("*")] if file.is_file())
        if number >= ENTRIES or size > LIMIT:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def _last_used(entry: Path) -> float:
    return entry.stat().st_mtime


@cache
def _say_once(where: str, reason: str) -> None:
    log.warning("Nothing is cached, and each start takes longer: %s can't be written (%s).", where, reason)
