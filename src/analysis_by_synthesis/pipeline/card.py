"""Run cards: beside a result stands how, where and by which code it was made. Nothing is computed from them."""

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis_by_synthesis.pipeline.files import write_json

VERSIONS = ("torch", "numpy", "numba", "scipy", "foolbox", "eagerpy", "pyautoattack")  # of what computes
CARD_KEYS = {"code", "samples", "seconds", "device", "cpu", "versions"}


def write_card(
    path: Path,
    code: dict[str, str],
    device: str,
    seconds: float,
    samples: int,
    cpu: str | None = None,
    **facts: Any,
) -> None:
    """Write a run card.

    Args:
        path: beside the result.
        code: the fingerprints of the entry points that made the result.
        device: "cpu", or the GPU's name.
        seconds: that the work took, without pauses.
        samples: that the result is about.
        cpu: the processor, if it isn't that of this machine.
        facts: what else is to be remembered, for instance the seed.
    """
    card = {
        "code": code,
        "samples": samples,
        **facts,
        "seconds": round(seconds, 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "cpu": cpu or processor(),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in VERSIONS},
    }
    write_json(path, card)


def processor() -> str:
    """The processor's name and how wide its vectors are: the same words, the same rounding."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    flags = facts.get("flags", "").split()
    vectors = next((flag for flag in ("avx512f", "avx2") if flag in flags), platform.machine())
    return f"{facts.get('model name', platform.machine())}, {vectors}"
