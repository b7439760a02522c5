"""What the stages of dvc.yaml declare, and what their code uses, found by reading the code."""

import ast
from functools import cache
from pathlib import Path

import yaml
from dvc.repo import Repo

from analysis_by_synthesis.models import MODELS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
PACKAGE = "analysis_by_synthesis"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
CELLS = {name: cell for group in PARAMS["cells"].values() for name, cell in group.items()}


@cache
def stages() -> dict[str, dict]:
    """All stages by name ("attack@abs-fgsm"), as DVC resolves them: script, group, item, deps, params, outs."""
    resolved = {}
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            group, _, item = stage.name.partition("@")
            files = [dep for dep in stage.deps if not hasattr(dep, "params")]
            resolved[stage.name] = {
                "group": group,
                "item": item,
                "script": ROOT / stage.cmd.split()[1],
                "deps": {dep.def_path for dep in files},
                "params": {key for dep in stage.deps if hasattr(dep, "params") for key in dep.params},
                "outs": {out.def_path: out.use_cache for out in stage.outs},
            }
    return resolved


@cache
def path_of(module: str) -> Path | None:
    """The file of one of the package's modules; None for those that hold nothing but a docstring."""
    base = SOURCE / module.replace(".", "/")
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return path if path.exists() and len(ast.parse(path.read_text()).body) > 1 else None


@cache
def imports(path: Path) -> set[str]:
    """The package's modules that a file imports, anywhere in it, and the packages that they lie in."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    own = {name for name in names if name.split(".")[0] == PACKAGE}
    return own | {name.rsplit(".", 1)[0] for name in own if "." in name}


@cache
def closure(path: Path) -> set[Path]:
    """The file and every file of the package that it needs, however indirectly."""
    found, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += [file for file in map(path_of, imports(current)) if file]
    return found


def used_files(stage: dict) -> set[Path]:
    """The closure of a stage's script, and of the model and the attack that its item names."""
    files = set(closure(stage["script"]))
    model = CELLS[stage["item"]]["model"] if stage["item"] in CELLS else stage["item"]
    if "model_module" in stage["script"].read_text() and model in MODELS:
        files |= closure(model_file(model))
    if attack := attack_file(stage):
        files |= closure(attack)
    return files


def attack_file(stage: dict) -> Path | None:
    if stage["item"] not in CELLS:
        return None
    return SOURCE / PACKAGE / "attacks" / f"{CELLS[stage['item']]['module']}.py"


def model_file(name: str) -> Path:
    return SOURCE / PACKAGE / "models" / f"{MODELS[name]}.py"


@cache
def keys_read(path: Path) -> set[str]:
    """The keys in calls `read({...})` and in `PARAMETERS`, a placeholder of an f-string as "*"."""
    keys = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "read" and isinstance(node.args[0], ast.Dict):
            keys |= {_text(key) for key in node.args[0].keys if key is not None}
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PARAMETERS":
            keys |= {_text(key) for key in node.value.keys}
    return keys


def _text(key: ast.expr) -> str:
    if isinstance(key, ast.Constant):
        return key.value
    return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in key.values)
