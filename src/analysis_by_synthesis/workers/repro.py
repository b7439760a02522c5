"""DVC runs some stages and writes dvc.lock once: `dvc repro` writes it after each, which takes longer than most of them.

python -m analysis_by_synthesis.workers.repro STAGE...
"""

import logging
import signal
import sys
from collections.abc import Collection
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from analysis_by_synthesis.workers.dvc_repo import held, own_stages


def run(repo: Repo, names: Collection[str]) -> None:
    """Run those of the stages that are stale, each of which has all that it needs.

    Raises:
        DvcException: one fails; those before it are in dvc.lock.
    """
    done = []
    try:
        for stage in own_stages(repo, Path()):
            if stage.name in names and stage.reproduce():
                done.append(stage)
    finally:
        for ending in (signal.SIGINT, signal.SIGTERM):  # half of dvc.lock would be read as all of it
            signal.signal(ending, signal.SIG_IGN)
        if done:
            done[0].dvcfile.dump_stages(done, update_pipeline=False)


def main() -> None:
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    with held(Path()) as repo, repo.scm_context():
        try:
            run(repo, set(sys.argv[1:]))
        except DvcException as error:
            sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
