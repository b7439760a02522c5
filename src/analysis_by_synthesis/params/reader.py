"""The only reader of params.yaml: typed, and with an error that names the key."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from analysis_by_synthesis.params.renamed import RENAMED
from analysis_by_synthesis.pipeline.errors import UserError


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # not in the stubs
    """Refuses a key that stands twice in a block: YAML's last one would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands here twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read(keys: dict[str, Any], path: Path) -> list[Any]:
    """Read the dotted `keys` of params.yaml, each as the type it is mapped to.

    A stage calls this once, before it does anything else, with exactly the keys that dvc.yaml declares for it.

    Raises:
        UserError: a key is missing or unknown, or a value has the wrong type or is impossible.
    """
    tree = read_tree(path)
    return [typed(_lookup(tree, key, path), key, kind, path) for key, kind in keys.items()]


def read_tree(path: Path) -> dict[str, Any]:
    """The whole file, untyped.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path} is not here; run this from the project's root.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); mend that.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}; correct it.") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path} has no keys; take it from git.")
    return tree


def faulty(key: str, error: ValidationError, path: Path) -> UserError:
    """What is wrong with the value of a key, in one sentence."""
    errors = error.errors()
    missing = {one["loc"] for one in errors if one["type"] == "missing"}
    for *block, name in (one["loc"] for one in errors if one["type"] == "extra_forbidden"):
        for new in RENAMED.get(str(name), ()):
            if (*block, new) in missing:
                where = ".".join(filter(None, [key, *map(str, block)]))
                return UserError(f"{path}: {where}: {name} is called {new} now; rename it.")
    first = errors[0]
    where = ".".join(filter(None, [key, *map(str, first["loc"])]))
    message = first["msg"][0].lower() + first["msg"][1:]
    found = "" if first["type"] == "missing" else f" (it is {first['input']!r})"
    return UserError(f"{': '.join(filter(None, [str(path), where]))}: {message}{found}; correct it.")


def _lookup(tree: Any, key: str, path: Path) -> Any:
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            raise UserError(f"{path} has no key {key}; add it.")
        tree = tree[part]
    return tree


def typed(value: Any, key: str, kind: Any, path: Path) -> Any:
    """The value of a key, or of a whole file if the key is "", as a type.

    Raises:
        UserError: it has another type, or is impossible.
    """
    try:
        return TypeAdapter(kind).validate_python(value, strict=None if isinstance(value, dict | list) else True)
    except ValidationError as error:
        raise faulty(key, error, path) from None
