"""This project, as DVC resolves it, and what its code reads, found by reading the code."""

import ast
import shutil
from functools import cache
from pathlib import Path

import yaml

from analysis_by_synthesis.pipeline.code import PACKAGE, Sources
from analysis_by_synthesis.pipeline.project import Project

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
PACKAGE_FOLDER = SOURCE / PACKAGE
PROJECT = Project(ROOT)
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
SOURCES = Sources(SOURCE)


@cache
def stages() -> dict[str, dict]:
    """All stages of dvc.yaml by name ("attack@abs-fgsm"): script, deps, params, keys (of code.json), outs (whether DVC caches them)."""
    from dvc.repo import Repo  # machines with a GPU may lack it

    resolved = {}
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            if Path(stage.wdir) != ROOT:
                continue
            params = {dep.def_path: set(dep.params) for dep in stage.deps if hasattr(dep, "params")}
            resolved[stage.name] = {
                "script": ROOT / stage.cmd.split()[1],
                "deps": {dep.def_path for dep in stage.deps if not hasattr(dep, "params")},
                "keys": params.pop(PROJECT.code.name, set()),
                "params": set().union(*params.values()),
                "outs": {out.def_path: out.use_cache for out in stage.outs},
            }
    return resolved


def pipeline_of_its_own(name: str, folder: Path) -> Project:
    """A copy below a folder, with its results and without its weights; the code is this project's."""
    from dvc.repo import Repo

    left_out = shutil.ignore_patterns("*.safetensors", "downloads", ".work")
    for each in ("paper", name):
        shutil.copytree(ROOT / each, folder / each, ignore=left_out)
    for each in ("src", "stages"):
        (folder / each).symlink_to(ROOT / each)
    Repo.init(str(folder), no_scm=True).close()
    return Project(folder / name)


def modules(path: Path) -> set[str]:
    """The package's modules that a file reaches."""
    inside = (file for file in SOURCES.closure(path) if file.is_relative_to(SOURCE))
    return {file.relative_to(SOURCE / PACKAGE).with_suffix("").as_posix().replace("/", ".") for file in inside}


@cache
def keys_read(path: Path) -> set[str]:
    """The keys of params.yaml in calls `read({...})` of a file, a placeholder of an f-string as "*"."""
    keys, assigned = set(), {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned[node.targets[0].id] = node.value
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "read" and isinstance(node.args[0], ast.Dict):
            keys |= {_text(assigned.get(getattr(key, "id", ""), key)) for key in node.args[0].keys}
    return keys


def _text(key: ast.expr) -> str:
    if isinstance(key, ast.Constant):
        return key.value
    return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in key.values)
