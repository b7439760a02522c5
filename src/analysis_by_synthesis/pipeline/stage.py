"""What every stage script and every command shares: how it begins, and how it fails."""

import inspect
import logging
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project

PACKAGE = Path(__file__).parents[1]
KEPT = "what was finished is kept, and the same command goes on from there"


def run(main: Callable[..., Generator[Any, Any, None] | None]) -> None:
    """Call a stage's `main` with the project in the working directory and the command line's arguments, and do its work."""
    script, arguments = Path(sys.argv[0]), sys.argv[1:]
    with ends_in_a_sentence(KEPT):
        check_own_code(root_of(script.resolve()))
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
    """Whatever the user has to mend ends the program with one sentence and exit code 1, and so does Ctrl-C.

    Args:
        kept: what an interruption leaves.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        yield
    except UserError as error:
        sys.exit(f"ERROR: {error}")
    except KeyboardInterrupt:
        sys.exit(f"Interrupted; {kept}.")


def root_of(script: Path) -> Path:
    """The folder with the sources that a stage script belongs to; a pipeline can lie below it, with stages of its own."""
    return next((folder for folder in script.parents if (folder / "src").is_dir()), script.parents[1])


def check_own_code(root: Path) -> None:
    """The code that runs has to be the code that is hashed: the project's own src.

    Raises:
        UserError: another clone's package, or an installed copy, would run.
    """
    own = (root / "src" / PACKAGE.name).resolve()
    if PACKAGE.resolve() != own:
        raise UserError(
            f"the code that would run is {PACKAGE.resolve()}, not this project's {own};"
            f" put it first: PYTHONPATH={own.parent} dvc repro"
        )


def _check_arguments(main: Callable[..., object], script: Path, arguments: list[str]) -> None:
    _, *names = inspect.signature(main).parameters
    if len(arguments) != len(names):
        usage = " ".join(["python", str(script), *(name.upper() for name in names)])
        raise UserError(f"{len(arguments)} arguments were given, but the usage is: {usage}")
