"""Code as content: what an entry point runs, as one hash of the syntax trees that it can reach.

A comment, a docstring or another layout changes no hash; a changed constant changes that of all that imports it. What is
imported by name at run time (an attack, a model, a network) is an entry point of its own.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project

PACKAGE = "analysis_by_synthesis"
SOURCE = Path(__file__).parents[2]
LEFT_OUT = frozenset(
    f"{PACKAGE}.{module}"
    for module in (
        "cache",
        "data.sources",
        "params.reader",
        "params.renamed",
        "pipeline.card",
        "pipeline.checkpoints",
        "pipeline.code",
        "pipeline.errors",
        "pipeline.files",
        "pipeline.progress",
        "pipeline.project",
        "pipeline.stage",
        "pipeline.work",
    )
)  # these can't change a result: downloads, reading, messages, fingerprints, progress, run cards, files, their places, unfinished work


# --- Syntax trees ---------------------------------------------------------------------------------------------------------

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = {"ctx", "kind", "type_comment", "type_ignores"}


def dump(node: ast.AST) -> str:
    """A syntax tree in words that are the same on every Python: `ast.dump` is not.

    Docstrings, those of a class's fields too, and positions are left out, and fields that are empty, since newer versions have
    more of them.
    """
    if isinstance(node, ast.Constant):
        return f"Constant({node.value!a})"
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr([{','.join(_merged(node.values))}])"
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, DOCUMENTED):
            value = _without_docstrings(node.body, everywhere=isinstance(node, ast.ClassDef))
        if name not in LAYOUT and value is not None and value != []:
            fields.append(f"{name}={_words(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _words(value: object) -> str:
    if isinstance(value, ast.AST):
        return dump(value)
    return f"[{','.join(map(_words, value))}]" if isinstance(value, list) else ascii(value)


def _without_docstrings(body: list[ast.stmt], everywhere: bool) -> list[ast.stmt]:
    """The statements but for a string that stands first, or anywhere."""
    return [node for i, node in enumerate(body) if not (_is_string(node) and (everywhere or i == 0))]


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _merged(parts: list[ast.expr]) -> list[str]:
    """The parts of an f-string; where its constant parts are divided differs between versions."""
    merged: list[str] = []
    text = ""
    for part in parts:
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        merged += [ascii(text)] * bool(text) + [dump(part)]
        text = ""
    return merged + [ascii(text)] * bool(text)


# --- Imports ----------------------------------------------------------------------------------------------------------------


@cache
def _parsed(content: bytes) -> ast.Module:
    return ast.parse(content)


@cache
def _digest(content: bytes) -> str:
    """Of the syntax tree of a file's content."""
    return hashlib.sha256(dump(_parsed(content)).encode()).hexdigest()


class Sources:
    """The modules of a package, and the scripts that import them.

    Args:
        folder: that holds the package.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree, self.imports, self.content = cache(self._tree), cache(self._imports), cache(self._content)

    def file(self, module: str) -> Path | None:
        """The file of a module, or None if the package has no such module."""
        base = self.folder / module.replace(".", "/")
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        return path if path.is_file() else None

    def closure(self, path: Path) -> set[Path]:
        """The file and every file of the package that it needs, however indirectly, also by way of what is left out."""
        found: set[Path] = set()
        waiting = [path]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += [file for file in map(self.file, self.imports(current)) if file]
        return found - {self.file(module) for module in LEFT_OUT}

    def fingerprint(self, paths: Iterable[Path]) -> str:
        """Of all that these files reach: it depends on names and syntax trees, not on where the package lies."""
        contents = sorted(self.content(path) for path in set().union(*map(self.closure, paths)))
        return hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]

    def _content(self, path: Path) -> str:
        """A file's name and the hash of its syntax tree."""
        return f"{self._name(path)} {_digest(path.read_bytes())}"

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name

    def _tree(self, path: Path) -> ast.Module:
        try:
            return _parsed(path.read_bytes())
        except SyntaxError as error:
            raise UserError(f"{path}, line {error.lineno}: {error.msg}; correct it.") from None

    def _imports(self, path: Path) -> set[str]:
        """The package's modules that a file imports, anywhere in it, and the packages that they lie in."""
        names = set()
        for node in ast.walk(self.tree(path)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(path, node)
                names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
        own = {name for name in names if name.split(".")[0] == PACKAGE}
        return {".".join(name.split(".")[:end]) for name in own for end in range(1, name.count(".") + 2)}

    def _absolute(self, path: Path, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = path.relative_to(self.folder).parts[: -node.level]
        return ".".join([*package, *filter(None, [node.module])])


# --- Entry points -----------------------------------------------------------------------------------------------------------


def entry_points(project: Project, source: Path) -> dict[str, list[Path]]:
    """All entry points of a project and the files that they begin with, by key.

    Keys: "stages.<script>", "attacks.<block of params.yaml>", "models.<block of params.yaml>", "networks.<block of models>", of
    the networks that models name.
    """
    params = yaml.safe_load(project.params.read_text())
    package = source / PACKAGE
    scripts = [path for root in (source.parent, project.root) for path in sorted((root / "stages").glob("*.py"))]
    found = {f"stages.{path.stem}": [path] for path in scripts}
    found |= {
        f"attacks.{name}": [package / f"attacks/{block['module']}.py"] for name, block in params["attacks"].items()
    }
    for name, block in params["models"].items():
        found[f"models.{name}"] = [package / f"models/{block['module']}.py"]
        if network := block.get("network"):
            found[f"networks.{name}"] = [package / f"networks/{network}.py"]
            found[f"models.{name}"] += found[f"networks.{name}"]
    return found


def fingerprints(project: Project, keys: Iterable[str] | None = None, source: Path = SOURCE) -> dict[str, str]:
    """The hash of each entry point, or of those with these keys, as the code is now.

    Args:
        source: the folder that holds the package.

    Raises:
        UserError: a file is missing, or is not Python.
    """
    entries, sources = entry_points(project, source), Sources(source)
    found = {}
    for key in entries if keys is None else keys:
        if key not in entries:
            raise UserError(f"params.yaml and the code have no {key}; correct the name.")
        for path in entries[key]:
            if not path.is_file():
                raise UserError(f"{key} is made by {path}, which is not here; correct its module in params.yaml.")
        found[key] = sources.fingerprint(entries[key])
    return found


def nested(flat: dict[str, str]) -> dict[str, dict[str, str]]:
    """As code.json has it: {"attacks": {"fgm": ...}, ...}."""
    tree: dict[str, dict[str, str]] = {}
    for key, value in flat.items():
        kind, name = key.split(".", 1)
        tree.setdefault(kind, {})[name] = value
    return tree


def recorded(project: Project, *keys: str) -> dict[str, str]:
    """The fingerprints of these entry points; what code.json says has to be what the code is.

    Raises:
        UserError: code.json is missing or is not that of the code.
    """
    now = fingerprints(project, keys)
    try:
        stored = json.loads(project.code.read_text())
    except (OSError, ValueError):
        stored = {}
    for key, value in now.items():
        kind, name = key.split(".", 1)
        if stored.get(kind, {}).get(name) != value:
            raise UserError(f"{project.code} is not that of the code that is here ({key}); run: dvc repro code")
    return now
