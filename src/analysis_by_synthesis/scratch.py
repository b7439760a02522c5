"""Stages run beside the committed results, in a folder of their own."""

import subprocess
import sys
from pathlib import Path


def link(folder: Path, links: dict[str, Path]) -> None:
    """Make `folder` one in which stages can run: params.yaml, and what `links` names, are links to the real ones."""
    for name, target in ({"params.yaml": Path("params.yaml")} | links).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target.resolve())


def run_stage(folder: Path, script: str, *arguments: str) -> str:
    """Run a stage script in the folder; what it has printed last, where it failed, else nothing."""
    command = [sys.executable, Path("stages", script).resolve(), *arguments]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""
