"""docs/parameters.md, made from the settings: the command `parameters`."""

from collections.abc import Collection, Iterator
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter

from analysis_by_synthesis.params import attacks, models
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED
from analysis_by_synthesis.params.check import BLOCKS
from analysis_by_synthesis.params.registry import config_type, settings_type

HEADER = """# Every setting of params.yaml

Made from `src/analysis_by_synthesis/params/` by `analysis-by-synthesis parameters`; a test compares them.

"Paper" has the paper's symbol or value, "Foolbox" the class of Foolbox 3.3.4 whose parameter of the same name the setting is.
The values stand in `params.yaml`, with where each comes from. `*` is any name, `[]` any entry of a list.
A block whose settings are those of an earlier one is not described again.
"""
WORDS = {"string": "text", "boolean": "true or false", "integer": "integer", "number": "number", "null": "null"}
COLUMNS = "| setting | what it is | values | paper | Foolbox |\n|---|---|---|---|---|"
LIMITS = {
    "exclusiveMinimum": ">",
    "minimum": ">=",
    "exclusiveMaximum": "<",
    "maximum": "<=",
    "multipleOf": "a multiple of",
}

Schema = dict[str, Any]  # as of JSON Schema


class Table:
    """Tables of settings; what several blocks share is described in the first one."""

    def __init__(self) -> None:
        self._described: set[str] = set()

    def of(self, title: str, kind: Any, prefix: str, without: Collection[str] = ()) -> str:
        """A section on the settings of a block.

        Args:
            kind: its type.
            prefix: of their names, "attacks.*".
            without: names that are left out.
        """
        schema = TypeAdapter(kind).json_schema()
        self._described.add(schema.get("description", title))
        found = self._settings(schema, schema.get("$defs", {}), prefix)
        rows = [_row(name, setting) for name, setting in found if name.rpartition(".")[2] not in without]
        return "\n".join([f"\n## {title}\n", COLUMNS, *rows])

    def _settings(self, node: Schema, shared: Schema, prefix: str) -> Iterator[tuple[str, Schema]]:
        """The settings in a node, by their dotted names."""
        if "$ref" in node:
            block = shared[node["$ref"].rpartition("/")[2]]
            if block["description"] not in self._described:
                self._described.add(block["description"])
                yield from self._settings({"properties": block["properties"]}, shared, prefix)
        elif "properties" in node:
            for name, setting in node["properties"].items():
                yield f"{prefix}.{name}", setting
                yield from self._settings(setting, shared, f"{prefix}.{name}")
        elif isinstance(node.get("additionalProperties"), dict):
            yield from self._settings(node["additionalProperties"], shared, f"{prefix}.*")
        elif "items" in node:
            yield from self._settings(node["items"], shared, f"{prefix}[]")
        else:
            for one in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
                yield from self._settings(one, shared, prefix)


def _row(name: str, setting: Schema) -> str:
    description = " ".join(setting.get("description", "").split())
    cells = (f"`{name}`", description, _values(setting), setting.get("paper", ""), setting.get("foolbox", ""))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _values(node: Schema) -> str:
    """What a setting may be, in words."""
    choices = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    if choices:
        return " or ".join(map(_values, choices))
    if "$ref" in node:
        return "block"
    if "enum" in node:
        return " or ".join(node["enum"])
    if "const" in node:
        return str(node["const"])
    if node["type"] == "array":
        return f"list of: {_values(node['items'])}"
    if node["type"] == "object":
        return f"by name: {_values(node['additionalProperties'])}"
    limits = [f"{words} {node[key]:g}" for key, words in LIMITS.items() if key in node]
    return f"{WORDS[node['type']]} {', '.join(limits)}".strip()


def tables() -> str:
    """The whole file."""
    table, values = Table(), {name: TypeAdapter(kind).json_schema() for name, kind in BLOCKS.items()}
    single = [_row(name, schema) for name, schema in values.items() if schema["type"] in ("integer", "array")]
    sections = ["\n".join(["\n## Single values\n", COLUMNS, *single])]
    for name, kind in BLOCKS.items():
        if name not in ("attacks", "models") and values[name]["type"] == "object":
            sections.append(table.of(f"`{name}`", kind, name))
    for module in _modules(models):
        sections.append(table.of(f"`models`: {module}", config_type(module), "models.*"))
    sections.append(table.of("`attacks`: every block", AttackBlock, "attacks.*"))
    sections.append(table.of("`attacks`: every attack with gradients", AttackSettings, "attacks.*", ["norm"]))
    for module in _modules(attacks):
        if module not in ("base", BOUND_GUIDED):
            settings = settings_type(module)
            sections.append(table.of(f"`attacks`: {module}", settings, "attacks.*", ["difference_steps"]))
    return HEADER + "\n".join(sections) + "\n"


def _modules(package: ModuleType) -> list[str]:
    return sorted(found.name for found in iter_modules(package.__path__))
