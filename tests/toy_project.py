"""A pipeline of seconds, whose stages work in pieces: rolls of dice, twice, and their sums."""

import os
import subprocess
import sys
from pathlib import Path

import yaml
from project import ROOT

CODE = """
from analysis_by_synthesis.pipeline.code import fingerprints, nested
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.stage import run

def main(project):
    write_json(project.code, nested(fingerprints(project)))

if __name__ == "__main__":
    run(main)
"""

ROLL = """
import os
import time
from functools import partial
from pathlib import Path

import torch

from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.work import Work

def main(project, name, source):
    keys = {"pieces": int, "seconds": float, "pause": float, "deadly": bool, "broken": bool}
    pieces, seconds, pause, deadly, broken = read(keys, project.params)
    code, path = recorded(project, "stages.roll"), Path(source)
    checkpoints = Checkpoints(f"dice/{name}", code, {}, [path], project.work)

    def roll(i):
        if broken:
            raise UserError("the dice are loaded.")
        dead = Path(os.environ["TOY_LOG"]).with_name("dead")
        if deadly and not dead.exists():
            dead.touch()
            os.kill(os.getpid(), 9)
        time.sleep(seconds)
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write(f"{name} {i}\\n")
        seed = 1000 * i + sum(path.read_bytes())
        return {"dice": torch.randint(6, (20,), generator=torch.Generator().manual_seed(seed))}

    found = yield Work(checkpoints, {str(i): partial(roll, i) for i in range(pieces)}, pieces, name)
    time.sleep(pause)
    out = project.results / name
    out.parent.mkdir(exist_ok=True)
    out.with_suffix(".txt").write_text("".join(f"{piece['dice'].tolist()}\\n" for piece in found))
    write_card(out.with_suffix(".json"), code, samples=pieces, **checkpoints.origin())
    checkpoints.forget_others()

if __name__ == "__main__":
    run(main)
"""


def _stage(name: str, source: str) -> dict:
    outs = [{f"results/{name}.{suffix}": {"cache": False}} for suffix in ("txt", "json")]
    params = ["pieces", "seconds", "pause", "deadly", "broken", {"code.json": ["stages.roll"]}]
    return {"cmd": f"python stages/roll.py {name} {source}", "deps": [source], "params": params, "outs": outs}


STAGES = {
    "code": {
        "cmd": "python stages/code.py",
        "deps": ["stages", "params.yaml"],
        "outs": [{"code.json": {"cache": False, "persist": True}}],
    },
    "first": _stage("first", "table.txt"),
    "second": _stage("second", "table.txt"),
    "third": _stage("third", "results/first.txt"),
}
PIECES = 6


def make(folder: Path, **params) -> Path:
    """Write the project to a folder."""
    (folder / "stages").mkdir(parents=True)
    for name in ("src", "requirements.txt"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "stages/code.py").write_text(CODE)
    (folder / "stages/roll.py").write_text(ROLL)
    (folder / "table.txt").write_text("green")
    defaults = {
        "attacks": {},
        "models": {},
        "pieces": PIECES,
        "seconds": 0.1,
        "pause": 0.0,
        "deadly": False,
        "broken": False,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(defaults | params))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, env=environment(folder), check=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """This Python first on the path, and the project's own package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    python_path = os.pathsep.join([str(folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    log = {"TOY_LOG": str(folder / "log.txt"), "DVC_NO_ANALYTICS": "1"}
    return os.environ | {"PATH": path, "PYTHONPATH": python_path} | log


def results(folder: Path) -> dict[str, str]:
    """What all stages have written, but for their run cards."""
    return {path.name: path.read_text() for path in sorted((folder / "results").glob("*.txt"))}


def made(folder: Path) -> list[str]:
    """The pieces that were made, as often as they were."""
    log = folder / "log.txt"
    return sorted(log.read_text().splitlines()) if log.exists() else []


ALL = sorted(f"{name} {i}" for name in ("first", "second", "third") for i in range(PIECES))
