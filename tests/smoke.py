"""Run the whole pipeline with tiny parameters on real MNIST, in a scratch copy: `make smoke`.

The copy has the code of this working tree, committed or not, and none of its results; it shares the DVC cache, so that
MNIST is downloaded only once.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
RESULTS = ("models/", "results/", "results.html", "metrics/", "plots/", "dvc.lock", ".dvc/", "code.json", "src/")


def merge(base: dict, changes: dict) -> dict:
    """`base` with the values of `changes`, block by block; lists are replaced as a whole."""
    merged = dict(base)
    for key, value in changes.items():
        merged[key] = merge(base[key], value) if isinstance(value, dict) else value
    return merged


def copy_project(destination: Path) -> None:
    """The files of the working tree that git tracks or would track, without results."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if not name.startswith(RESULTS) and (ROOT / name).exists():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, destination / name)
    shutil.copytree(ROOT / "src", destination / "src")  # with what has been compiled, which needn't be again


def environment(project: Path) -> dict[str, str]:
    """This Python first on the path, and the project's own package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(project / "src"), "DVC_NO_ANALYTICS": "1"}


def prepare(project: Path) -> None:
    """Make `project` a smoke-sized copy of this one, ready for `dvc repro`."""
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=project, env=environment(project), check=True)
    copy_project(project)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    changes = yaml.safe_load((ROOT / "tests" / "params.smoke.yaml").read_text())
    (project / "params.yaml").write_text(yaml.safe_dump(merge(params, changes), sort_keys=False))
    command = ["dvc", "config", "cache.dir", str(ROOT / ".dvc" / "cache")]
    subprocess.run(command, cwd=project, env=environment(project), check=True)


def repro(project: Path, *arguments: str) -> None:
    subprocess.run(["dvc", "repro", *arguments], cwd=project, env=environment(project), check=True)


FIRST = ("code", "experiment", "configure", "train_vae", "train_classifier", "class_scalars", "amortise")
LANES = (
    ("classify", "calibrate", "pgd_accuracy", "distal", "distal_matrix", "seeds"),
    (
        "attack", "attack_latents", "attack_networks", "attack_fast", "attack_amortised", "transfer", "bounds",
        "bounds_l1", "bounds_check", "paper_bounds",
    ),
)  # fmt: skip


def repro_in_lanes(project: Path) -> None:
    """The whole pipeline, what doesn't depend on one another side by side."""
    repro(project, *FIRST)
    lanes = [
        subprocess.Popen(
            ["dvc", "--wait-for-lock", "repro", "--single-item", *lane], cwd=project, env=environment(project)
        )
        for lane in LANES
    ]
    assert [lane.wait() for lane in lanes] == [0, 0]
    repro(project)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        repro_in_lanes(Path(folder))
        command = [sys.executable, "-m", "analysis_by_synthesis", "summary"]
        subprocess.run(command, cwd=folder, env=environment(Path(folder)), check=True)
