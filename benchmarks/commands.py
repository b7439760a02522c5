"""How long the commands of the README take, and how much disk: run one after another in a fresh clone of this commit.

python benchmarks/commands.py writes docs/times.md after each command, the short ones first: Ctrl-C keeps what was measured.
"""

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from analysis_by_synthesis.pipeline.card import processor
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.progress import clock

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "make setup",
    "make repro",
    "analysis-by-synthesis check",
    "analysis-by-synthesis summary",
    "dvc status dvc.yaml",
    "dvc repro",
    "analysis-by-synthesis evaluate models ../output abs-fgsm --samples 50",
    "make audit",
    "make test",
    "dvc exp run -S attacks.gaussian_noise.levels=50",  # its results stay in the clone, which the audit would refuse
    "make smoke",
)


def measure(command: str, clone: Path) -> str:
    """A row of the table: the command, its time, that of the processors, and the folder's size after it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = os.environ | {"PATH": f"{clone / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    subprocess.run(command, shell=True, check=True, cwd=clone, env=environment)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    files = (path for path in clone.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files)
    return f"| `{command}` | {clock(seconds)} | {clock(processors)} | {size / 1e9:.1f} |"


def head() -> list[str]:
    """The lines above the rows."""
    return [
        "# Time and disk",
        "",
        f"In a fresh clone, one after another, on {processor()}, {os.cpu_count()} cores, with {os.getloadavg()[0]:.1f} other processes at"
        f" work at the start; niceness {os.nice(0)}. Hours, minutes and seconds; the processors' time counts all cores together.",
        "",
        "| command | time | processors' time | the folder after it, GB |",
        "|---|---|---|---|",
    ]


def main() -> None:
    """Measure all commands."""
    lines = head()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for command in COMMANDS:
            lines.append(measure(command, clone))
            with replacing(ROOT / "docs/times.md") as partial:
                partial.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
