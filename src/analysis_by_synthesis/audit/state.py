"""Do code, parameters, committed results and dvc.lock belong together?"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis_by_synthesis.audit.stages import Stage
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.reader import read_tree
from analysis_by_synthesis.pipeline.code import fingerprints, nested
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project

ABSENT = ("deleted", "not in cache")  # of the raw data, which is not in git


def check_code(project: Project) -> Verdict:
    """Is code.json that of the code that is here?"""
    now = nested(fingerprints(project))
    try:
        stored = json.loads(project.code.read_text())
    except (OSError, ValueError):
        stored = {}
    faults = [
        f"{project.code.name}: {kind}.{name} is not that of the code; run: dvc repro code"
        for kind in sorted(now | stored)
        for name in sorted(now.get(kind, {}) | stored.get(kind, {}))
        if now.get(kind, {}).get(name) != stored.get(kind, {}).get(name)
    ]
    return Verdict(f"{sum(map(len, now.values()))} fingerprints are those of the code", faults)


def check_state(project: Project, stages: dict[str, Stage]) -> Verdict:
    """By DVC's hashes and by git; the exit codes of DVC alone prove nothing."""
    verdict = Verdict(f"{len(stages)} stages belong to dvc.lock, parameters, code and results, and to git")
    status, failure = _output(project.root, sys.executable, "-m", "dvc", "status", "--json", "dvc.yaml")
    verdict.faults += [failure] if failure else [
        f"{stage}: {change}" for stage, changes in json.loads(status).items() for change in _changes(changes)
    ]  # fmt: skip
    git, failure = _output(project.root, "git", "status", "--porcelain")
    verdict.faults += [failure] if failure else [f"{line[3:]}: not as git has it" for line in git.splitlines()]
    declared = {out for stage in stages.values() for out in stage.outs}
    files = (path.relative_to(project.root) for path in sorted(project.results.rglob("*")) if path.is_file())
    verdict.faults += [f"{path}: no stage makes this" for path in files if path not in declared]
    return verdict


def check_configuration(project: Project) -> Verdict:
    """Are the configurations of the models and of the experiment what params.yaml says?"""
    params = read_tree(project.params)
    expected = {project.models / name / "config.json": block for name, block in params["models"].items()}
    expected[project.experiment] = {key: params[key] for key in Experiment.model_fields}
    faults = []
    for path, content in expected.items():
        try:
            if read_json(path) != content:
                faults.append(f"{path.relative_to(project.root)}: is not what params.yaml says")
        except UserError as error:
            faults.append(str(error))
    return Verdict(f"{len(expected)} configurations are those of params.yaml", faults)


def _output(folder: Path, *command: str) -> tuple[str, str]:
    """What a command prints in a folder, and a sentence if it has failed."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "", f"{command[0]} is not installed; without it nobody can say whether files are as they were committed."
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        return "", f"{' '.join(map(str, command[-2:]))} has failed ({said[0]}); a clone by git of this user is needed."
    return done.stdout, ""


def _changes(changes: list[Any]) -> Iterator[str]:
    for change in changes:
        if isinstance(change, str):
            yield change
            continue
        for kind, paths in change.items():
            for path, what in paths.items():
                if not (Path(path).parts[0] == "data" and what in ABSENT):
                    yield f"{kind}: {path} {what}"
