"""How much sooner two workers are done than one: metrics/workers_benchmark.json.

    python benchmarks/workers.py [SETTING]

In a fresh clone of this commit SETTING, as `block.name=value`, makes results stale; `work` makes them again, with one worker and with two.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dvc.utils.hydra import apply_overrides

from analysis_by_synthesis.pipeline.card import processor
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project

JOBS = (1, 2)


def main(setting: str = "attacks.ddn.gamma=0.06") -> None:
    project = Project.here()
    seconds = {jobs: measured(project.root.resolve(), setting, jobs) for jobs in JOBS}
    facts = {
        "cpu": processor(), "cores": os.cpu_count(), "setting": setting,
        **{f"seconds_{jobs}": took for jobs, took in seconds.items()}, "ratio": seconds[1] / seconds[2],
    }  # fmt: skip
    with replacing(project.metrics / "workers_benchmark.json") as partial:
        partial.write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts))


def measured(root: Path, setting: str, jobs: int) -> float:
    """The seconds that so many workers take."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True)
        shutil.copytree(root / "data/mnist", clone / "data/mnist")
        apply_overrides(clone / "params.yaml", [setting])
        environment = os.environ | {"PYTHONPATH": str(clone / "src")}
        command = [sys.executable, "-m", "analysis_by_synthesis", "work", "--jobs", str(jobs)]
        began = time.monotonic()
        subprocess.run(command, check=True, cwd=clone, env=environment)
        return time.monotonic() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
