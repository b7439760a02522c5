"""DVC's view of a project."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import Stage

from analysis_by_synthesis.pipeline.errors import UserError


@contextmanager
def held(root: Path) -> Iterator[Repo]:
    """The repository around a folder, in which no other DVC is at work meanwhile: this waits until another one has ended.

    Also where DVC takes the lock again, after a stage, for which it has left it to others.
    """
    with opened(root, _wait_for_lock=True) as repo, repo.lock:
        yield repo


def opened(root: Path, **settings: bool) -> Repo:
    """The repository around a folder.

    Raises:
        UserError: DVC finds none, or can't read its files.
    """
    try:
        repo = Repo(str(root), **settings)
        repo.index.check_graph()
    except DvcException as error:
        raise UserError(f"DVC can't read the project ({' '.join(str(error).split())}); mend that.") from None
    return repo


def own_stages(repo: Repo, root: Path) -> list[Stage]:
    """The stages of one dvc.yaml, not those of other folders."""
    return [stage for stage in repo.index.stages if Path(stage.wdir) == root.resolve()]
