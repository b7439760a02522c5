"""Interrupted work goes on: finished pieces of a stage wait in .work/ until its outputs are written."""

import hashlib
import logging
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from analysis_by_synthesis.stage import replacing

WORK = Path(".work")
log = logging.getLogger(__name__)


class Work:
    """The finished pieces of one stage's work, valid for exactly these parameters, inputs and code.

    Args:
        name: the stage's name, for instance "train_vae-3".
        parameters: what the stage has read from params.yaml.
        inputs: files, or folders of files, that the result depends on.
    """

    def __init__(self, name: str, parameters: Iterable[Any], inputs: Iterable[Path]) -> None:
        digest = hashlib.sha256()
        for value in parameters:
            digest.update((value.model_dump_json() if isinstance(value, BaseModel) else repr(value)).encode())
        for path in [*_files(inputs), *filter(Path.is_file, _code())]:
            digest.update(path.read_bytes())
        self.folder = WORK / name / digest.hexdigest()[:16]

    def load(self, piece: str) -> Any | None:
        """The piece as it was saved, or None."""
        path = self.folder / f"{piece}.pt"
        if not path.exists():
            return None
        log.info("going on from %s", path)
        return torch.load(path, weights_only=True, map_location="cpu")

    def save(self, piece: str, state: Any) -> None:
        """Keep tensors, numbers, strings and containers of them under this name, whole or not at all."""
        with replacing(self.folder / f"{piece}.pt") as partial:
            torch.save(state, partial)

    def keep(self, parts: dict[str, Any], history: list[dict[str, float]]) -> None:
        """Keep a training after an epoch: the states of its parts and one row of history per epoch."""
        self.save("training", {"history": history} | {name: part.state_dict() for name, part in parts.items()})

    def resume(self, parts: dict[str, Any]) -> list[dict[str, float]]:
        """Put the parts back to the last epoch that was kept; its history, empty where none was."""
        saved = self.load("training")
        if saved is None:
            return []
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        return saved["history"]

    def discard(self) -> None:
        """Forget all pieces of this stage: its outputs are written."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def _files(paths: Iterable[Path]) -> list[Path]:
    return [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]


def _code() -> list[Path]:
    """The modules of this package, and the stage itself."""
    return [*sorted(Path(__file__).parent.rglob("*.py")), Path(sys.argv[0])]
