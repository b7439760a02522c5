"""What every stage script and every command shares: how it begins, and how it fails."""

import inspect
import logging
import os
import platform
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis_by_synthesis.pipeline.card import VERSIONS
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.progress import stop
from analysis_by_synthesis.pipeline.project import Project

PACKAGE = Path(__file__).parents[1]
PYTHON = "3.11"  # the versions of requirements.txt are those for it
KEPT = "what was finished is kept, and the same command goes on from there"
BY_DVC = "DVC_STAGE"  # the environment variable that DVC sets for a stage
INTERRUPTED = 128 + signal.SIGINT  # exit code, as shells have it


def run(main: Callable[..., Generator[Any, Any, None] | None]) -> None:
    """Call a stage's `main` with the project in the working directory and the command line's arguments, and do its work."""
    script, arguments = Path(sys.argv[0]), sys.argv[1:]
    with ends_in_a_sentence(KEPT):
        check_environment(root_of(script.resolve()))
        if BY_DVC in os.environ:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        _check_arguments(main, script, arguments)
        steps = main(Project.here(), *arguments)
        if steps is not None:
            complete(steps)


def complete(steps: Generator[Any, Any, None]) -> None:
    """Do a stage's work (pipeline.work) here, piece after piece, and let the stage write what comes of it."""
    work = next(steps)
    with suppress(StopIteration):
        steps.send(work.all())


@contextmanager
def ends_in_a_sentence(kept: str) -> Iterator[None]:
    """Whatever the user has to mend ends the program with one sentence and exit code 1, and so does Ctrl-C, with code 130.

    Args:
        kept: what an interruption leaves.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[_Lines()])
    try:
        yield
    except UserError as error:
        sys.exit(f"ERROR: {error}")
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(f"ERROR: {error.filename}: {error.strerror}; mend that and run again, {kept}.")
    except KeyboardInterrupt:
        stop()
        print(f"Interrupted; {kept}.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        stop()


class _Lines(logging.Handler):
    """To the present stderr: where there is a progress bar, that writes above it."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def _end_with(parent: int) -> None:
    """Interrupt this stage as Ctrl-C would when its parent, DVC, is no more."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)  # which, unlike SIGINT, is never ignored in the background


def root_of(script: Path) -> Path:
    """The folder with the sources that a stage script belongs to; a pipeline can lie below it, with stages of its own."""
    return next((folder for folder in script.parents if (folder / "src").is_dir()), script.parents[1])


def check_environment(root: Path) -> None:
    """The code that runs has to be the project's own, and what DVC records is made by the versions of requirements.txt.

    Raises:
        UserError: the code or, under DVC, a version is another one.
    """
    check_own_code(root)
    if BY_DVC in os.environ:
        check_versions(root)


def check_own_code(root: Path) -> None:
    """The code that runs has to be the code that is hashed: the project's own src.

    Raises:
        UserError: another clone's package, or an installed copy, would run.
    """
    own = (root / "src" / PACKAGE.name).resolve()
    if PACKAGE.resolve() != own:
        raise UserError(
            f"the code that would run is {PACKAGE.resolve()}, not this project's {own};"
            f" put it first: PYTHONPATH={shlex.quote(str(own.parent))} dvc repro"
        )


def check_versions(root: Path) -> None:
    """Python and the libraries that compute have to be those of requirements.txt; suffixes such as "+cpu" don't count.

    Raises:
        UserError: Python, or a library that computes, has another version.
    """
    pins = (line.split("==") for line in (root / "requirements.txt").read_text().splitlines() if "==" in line)
    locked = {name: version for name, version in pins if name in VERSIONS}
    here = {name: metadata.version(name).split("+")[0] for name in locked}
    wanted, found = {"Python": PYTHON} | locked, {"Python": platform.python_version().rpartition(".")[0]} | here
    if other := [f"{name} {found[name]} instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise UserError(
            f"{sys.executable} has {', '.join(other)}; run: make setup, then: . {root / '.venv/bin/activate'}"
        )


def _check_arguments(main: Callable[..., object], script: Path, arguments: list[str]) -> None:
    _, *names = inspect.signature(main).parameters
    if len(arguments) != len(names):
        usage = " ".join(["python", str(script), *(name.upper() for name in names)])
        raise UserError(f"{len(arguments)} arguments were given, but the usage is: {usage}")
