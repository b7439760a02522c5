"""All run cards: what every result was made by, and what it cost."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis_by_synthesis.pipeline.card import CARD_KEYS
from analysis_by_synthesis.pipeline.files import read_json

COLUMNS = ("samples", "seconds", "device", "cpu")  # of the cards
PRESENT, OLDER = "present code", "older code"


def read_card(path: Path) -> dict[str, Any] | None:
    """The run card in a file, or None if that is something else, or not there."""
    if path.suffix != ".json" or not path.exists():
        return None
    content = read_json(path)
    return content if isinstance(content, dict) and content.keys() >= CARD_KEYS else None


def read_cards(results: Path) -> dict[str, dict[str, Any]]:
    """All run cards, by their place below `results`, without the suffix."""
    found = ((path, read_card(path)) for path in sorted(results.rglob("*.json")))
    return {path.relative_to(results).with_suffix("").as_posix(): card for path, card in found if card is not None}


def made_by(card: dict[str, Any], code: dict[str, dict[str, str]]) -> str:
    """Whether the present code or an older one made a result.

    Args:
        code: code.json.
    """
    now = {key: code.get(key.split(".", 1)[0], {}).get(key.split(".", 1)[1]) for key in card["code"]}
    return PRESENT if now and now == card["code"] else OLDER


def table_of_runs(results: Path, code: dict[str, dict[str, str]]) -> pd.DataFrame:
    """A row per result: result, made_by, samples, seconds, seconds_per_sample, device, cpu.

    Args:
        results: the folder of all results.
        code: code.json.
    """
    rows = [
        {"result": name, "made_by": made_by(card, code), **{key: card[key] for key in COLUMNS}}
        for name, card in read_cards(results).items()
    ]
    table = pd.DataFrame(rows).astype({"seconds": float})
    table.insert(table.columns.get_loc("seconds") + 1, "seconds_per_sample", table["seconds"] / table["samples"])
    return table
