"""What every stage script shares: how it begins, and how it fails."""

import inspect
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from analysis_by_synthesis.pipeline.errors import UserError

PACKAGE = Path(__file__).parents[1]


def run(main: Callable[..., None]) -> None:
    """Call a stage's `main` with the command line's arguments, or that of a command, which reads them itself.

    Whatever the user has to mend ends as one sentence and exit code 1.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    script = Path(sys.argv[0])
    try:
        if script.resolve().parent.name != "stages":
            main()
            return
        check_own_code(script.resolve().parents[1])
        _check_arguments(main, script, sys.argv[1:])
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(f"ERROR: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; what was finished is kept, and the same command goes on from there.")


def check_own_code(root: Path) -> None:
    """The code that runs has to be the code that is hashed: the project's own src.

    Raises:
        UserError: another clone's package, or an installed copy, would run.
    """
    own = (root / "src" / PACKAGE.name).resolve()
    if PACKAGE.resolve() != own:
        raise UserError(
            f"the code that would run is {PACKAGE.resolve()}, not this project's {own};"
            f" put it first: PYTHONPATH={root / 'src'} dvc repro"
        )


def _check_arguments(main: Callable[..., None], script: Path, arguments: list[str]) -> None:
    signature = inspect.signature(main)
    try:
        signature.bind(*arguments)
    except TypeError:
        names = " ".join(name.upper() for name in signature.parameters)
        raise UserError(f"{len(arguments)} arguments, but the usage is: python {script} {names}".rstrip()) from None
