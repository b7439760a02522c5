"""How results are written and read: whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis_by_synthesis.pipeline.errors import UserError

FULL_DISK = 2**20  # bytes; with less than this free, a failed write is put down to it


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; it becomes `path` only when the block has succeeded.

    Raises:
        UserError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except Exception as error:  # every library has its own for a full disk
        if shutil.disk_usage(path.parent).free < FULL_DISK:
            raise UserError(
                f"the disk is full; free some space for {path} and run again, finished work is kept."
            ) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is not here; take it from git, or run: dvc repro") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); take it from git, or run: dvc repro") from None
    except ValueError:
        raise UserError(f"{path} is not JSON; take it from git, or run: dvc repro") from None
