"""The only reader of params.yaml: typed, and with an error that names the key."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from analysis_by_synthesis.stage import Problem

PARAMS_FILE = Path("params.yaml")

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Block(BaseModel):
    """A block of params.yaml: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read(keys: dict[str, Any], path: Path = PARAMS_FILE) -> list[Any]:
    """Read the dotted `keys` of params.yaml, each as the type it is mapped to.

    A stage calls this once, before it does anything else, with exactly the keys that dvc.yaml declares for it.

    Raises:
        Problem: a key is missing or unknown, or a value has the wrong type or is impossible.
    """
    try:
        tree = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise Problem(f"{path} is not here; run the stage from the project's root.") from None
    except yaml.YAMLError as error:
        raise Problem(f"{path} is not valid YAML: {' '.join(str(error).split())}; correct it.") from None
    return [_typed(_lookup(tree, key, path), key, kind, path) for key, kind in keys.items()]


def _lookup(tree: Any, key: str, path: Path) -> Any:
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            raise Problem(f"{path} has no key {key}; add it.")
        tree = tree[part]
    return tree


def _typed(value: Any, key: str, kind: Any, path: Path) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *map(str, first["loc"])])
        message = first["msg"][0].lower() + first["msg"][1:]
        raise Problem(f"{path}: {where}: {message} (it is {first['input']!r}); correct it.") from None
