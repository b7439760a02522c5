"""Do parameters, code, committed results and dvc.lock belong together?"""

import json
import subprocess
import sys
from collections.abc import Iterator

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.mnist import MNIST
from analysis_by_synthesis.pipeline.paths import ATTACKS
from analysis_by_synthesis.reporting.records import Cell

ABSENT = ("deleted", "not in cache")  # of the raw data, which is not in git


def check_state(cells: dict[str, Cell]) -> Verdict:
    """By DVC's hashes and by git; the exit codes of DVC alone prove nothing.

    Args:
        cells: of all attacks, by name.
    """
    stages = _output("-m", "dvc", "stage", "list", "--name-only").split()
    status = json.loads(_output("-m", "dvc", "status", "--json"))
    faults = [f"{stage}: {change}" for stage, changes in status.items() for change in _changes(changes)]
    git = subprocess.run(["git", "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    faults += [f"{line[3:]}: not as git has it" for line in git.splitlines()]
    found, expected = {path.stem for path in ATTACKS.glob("*")}, set(cells)
    faults += [f"{ATTACKS / name}: no cell of params.yaml has this name" for name in sorted(found - expected)]
    return Verdict(f"{len(stages)} stages belong to dvc.lock, parameters, code and results, and to git", faults)


def _output(*command: str) -> str:
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True).stdout


def _changes(changes: list) -> Iterator[str]:
    for change in changes:
        if isinstance(change, str):
            yield change
            continue
        for kind, paths in change.items():
            for path, what in paths.items():
                if not (path == str(MNIST) and what in ABSENT):
                    yield f"{kind}: {path} {what}"
