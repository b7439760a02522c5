"""The process of a worker: it makes some pieces of a stage's work, as the stage itself would.

python -m analysis_by_synthesis.workers.worker SCRIPT [ARGUMENT...] -- PIECE...
"""

import inspect
import os
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Thread

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import KEPT, check_own_code, ends_in_a_sentence, root_of
from analysis_by_synthesis.pipeline.work import Work


def work_of(script: str, arguments: Iterable[str]) -> Work | None:
    """The work of a stage in the working directory, of which nothing is made yet; None if it isn't in pieces."""
    main = runpy.run_path(script)["main"]
    if not inspect.isgeneratorfunction(main):
        return None
    work: Work = next(main(Project.here(), *arguments))
    return work


def _end_with_the_driver() -> None:
    """Whoever has started this process holds the other end of its standard input, as long as it lives."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def main() -> None:
    Thread(target=_end_with_the_driver, daemon=True).start()
    split = sys.argv.index("--")
    (script, *arguments), names = sys.argv[1:split], sys.argv[split + 1 :]
    with ends_in_a_sentence(KEPT):
        check_own_code(root_of(Path(script).resolve()))
        work = work_of(script, arguments)
        if work is None or not set(names) <= set(work.pieces):
            raise UserError("code or parameters have changed since the start; run again.")
        for name in names:
            work.make(name)


if __name__ == "__main__":
    main()
