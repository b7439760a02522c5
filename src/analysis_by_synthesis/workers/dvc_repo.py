"""DVC's view of a project."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dvc.lock import LockError
from dvc.repo import Repo
from dvc.stage import Stage

WAIT = 2.0  # seconds between two looks whether another DVC has ended


@contextmanager
def held(root: Path) -> Iterator[Repo]:
    """The repository around a folder, in which no other DVC is at work meanwhile."""
    said = False
    with Repo(str(root)) as repo, ExitStack() as stack:
        while True:
            try:
                stack.enter_context(repo.lock)
                break
            except LockError:
                if not said:
                    print("Another DVC is at work here; this waits until it has ended.", file=sys.stderr)
                said = True
                time.sleep(WAIT)
        yield repo


def own_stages(repo: Repo, root: Path) -> list[Stage]:
    """The stages of one dvc.yaml, not those of other folders."""
    return [stage for stage in repo.index.stages if Path(stage.wdir) == root.resolve()]
