"""Interrupted work goes on: finished pieces of a stage's work wait in .work/."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from analysis_by_synthesis.pipeline.card import processor
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

log = logging.getLogger(__name__)


class Checkpoints:
    """The finished pieces of one stage's work, valid for exactly this code, these parameters and these inputs.

    Args:
        stage: its name, for instance "train_vae/3".
        code: fingerprints of the entry points that run.
        parameters: what the result depends on, by name.
        inputs: files, or folders of files, that all pieces depend on; a piece's own belong into its name, by their `digest`.
        folder: where the pieces of all stages are kept.

    Attributes:
        seconds: that the pieces have taken which `piece` has given so far.
        devices, cpus: on which they were made.
    """

    def __init__(
        self,
        stage: str,
        code: Mapping[str, str],
        parameters: Mapping[str, Any],
        inputs: Iterable[Path],
        folder: Path,
    ) -> None:
        made_of = {
            "code": dict(code),
            "parameters": {name: _plain(value) for name, value in parameters.items()},
            "inputs": {str(path): digest(path) for path in inputs},
        }
        key = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()[:16]
        self.folder, self.seconds = folder / stage / key, 0.0
        self.devices: set[str] = set()
        self.cpus: set[str] = set()

    def piece(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A piece of the work: as it was kept, or else made now, and kept.

        Args:
            make: its result can say itself how many `seconds` it took, and on which `device`.
        """
        found = self.load(name)
        if not isinstance(found, dict) or not {"seconds", "device", "cpu"} <= found.keys():
            began, where = time.perf_counter(), device_name(device())
            made = make()
            found = {"seconds": time.perf_counter() - began, "device": where, "cpu": processor()} | made
            self.save(name, found)
        self.seconds += found.pop("seconds")
        self.devices.add(found.pop("device"))
        self.cpus.add(found.pop("cpu"))
        return found

    def origin(self) -> dict[str, Any]:
        """What a run card says about the making of the pieces that `piece` has given so far."""
        where, machines = (", ".join(sorted(names)) for names in (self.devices, self.cpus))
        return {"device": where, "seconds": self.seconds, "cpu": machines}

    def path(self, piece: str) -> Path:
        """The file that holds a piece, once it is made."""
        return self.folder / f"{piece}.pt"

    def load(self, piece: str) -> Any | None:
        """The piece as it was saved, or None; a damaged one counts as none."""
        path = self.path(piece)
        if not path.exists():
            return None
        try:
            return torch.load(path, weights_only=True, map_location="cpu")
        except Exception:  # damaged files lead PyTorch to all kinds of them
            log.warning("%s can't be read; its piece of the work is done again.", path)
            return None

    def save(self, piece: str, state: Any) -> None:
        """Keep tensors, numbers, strings and containers of them under this name, whole or not at all."""
        with replacing(self.path(piece)) as partial:
            torch.save(state, partial)

    def keep(self, parts: dict[str, Any], history: list[dict[str, float]], seconds: float) -> None:
        """Keep a training after an epoch: the states of its parts, one row of history per epoch, the time it took."""
        state = {"history": history, "seconds": seconds} | {name: part.state_dict() for name, part in parts.items()}
        self.save("training", state)

    def resume(self, parts: dict[str, Any]) -> tuple[list[dict[str, float]], float]:
        """Put the parts back to the last epoch that was kept; its history, empty where none was, and its time."""
        saved = self.load("training")
        if saved is None:
            return [], 0.0
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        return saved["history"], saved["seconds"]

    def forget_others(self) -> None:
        """Remove the stage's pieces of other code, parameters or inputs: its outputs are written."""
        for other in self.folder.parent.glob("*"):
            if other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def discard(self) -> None:
        """Remove what the training went on from as well. Its pieces stay: a stage that is killed now is not in dvc.lock yet."""
        self.forget_others()
        self.path("training").unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def digest(path: Path) -> str:
    """Of a file, or of a folder's files and their names.

    Raises:
        UserError: it is missing.
    """
    if not path.exists():
        raise UserError(f"{path} is not here; run: dvc repro")
    digest = hashlib.sha256()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return digest.hexdigest()
