"""Do code, parameters, committed results and dvc.lock belong together?"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from analysis_by_synthesis.audit.stages import Stage
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.mnist import MNIST
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.reader import read_tree
from analysis_by_synthesis.pipeline.code import CODE_FILE, fingerprints, nested
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import EXPERIMENT, MODELS, RESULTS

ABSENT = ("deleted", "not in cache")  # of the raw data, which is not in git


def check_code() -> Verdict:
    """Is code.json that of the code that is here?"""
    now = nested(fingerprints())
    try:
        stored = json.loads(CODE_FILE.read_text())
    except (OSError, ValueError):
        stored = {}
    faults = [
        f"{CODE_FILE}: {kind}.{name} is not that of the code; run: dvc repro code"
        for kind in sorted(now | stored)
        for name in sorted(now.get(kind, {}) | stored.get(kind, {}))
        if now.get(kind, {}).get(name) != stored.get(kind, {}).get(name)
    ]
    return Verdict(f"{sum(map(len, now.values()))} fingerprints are those of the code", faults)


def check_state(stages: dict[str, Stage]) -> Verdict:
    """By DVC's hashes and by git; the exit codes of DVC alone prove nothing."""
    verdict = Verdict(f"{len(stages)} stages belong to dvc.lock, parameters, code and results, and to git")
    status, failure = _output(sys.executable, "-m", "dvc", "status", "--json")
    verdict.faults += [failure] if failure else [
        f"{stage}: {change}" for stage, changes in json.loads(status).items() for change in _changes(changes)
    ]  # fmt: skip
    git, failure = _output("git", "status", "--porcelain")
    verdict.faults += [failure] if failure else [f"{line[3:]}: not as git has it" for line in git.splitlines()]
    declared = {out for stage in stages.values() for out in stage.outs}
    strays = [path for path in sorted(RESULTS.rglob("*")) if path.is_file() and path not in declared]
    verdict.faults += [f"{path}: no stage makes this" for path in strays]
    return verdict


def check_configuration() -> Verdict:
    """Are the configurations of the models and of the experiment what params.yaml says?"""
    params = read_tree()
    expected = {MODELS / name / "config.json": block for name, block in params["models"].items()}
    expected[EXPERIMENT] = {key: params[key] for key in Experiment.model_fields}
    faults = []
    for path, content in expected.items():
        try:
            found = read_json(path)
        except UserError as error:
            faults.append(str(error))
            continue
        if found != content:
            faults.append(f"{path}: is not what params.yaml says")
    return Verdict(f"{len(expected)} configurations are those of params.yaml", faults)


def _output(*command: str) -> tuple[str, str]:
    """What a command prints, and a sentence if it has failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "", f"{command[0]} is not installed; without it nobody can say whether files are as they were committed."
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        return "", f"{' '.join(map(str, command[-2:]))} has failed ({said[0]}); a clone by git of this user is needed."
    return done.stdout, ""


def _changes(changes: list) -> Iterator[str]:
    for change in changes:
        if isinstance(change, str):
            yield change
            continue
        for kind, paths in change.items():
            for path, what in paths.items():
                if not (Path(path) == MNIST and what in ABSENT):
                    yield f"{kind}: {path} {what}"
