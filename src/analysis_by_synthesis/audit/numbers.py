"""Do the tables, metrics and curves follow from the per-sample records?"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from analysis_by_synthesis.audit.verdict import Verdict

TEXT = (".csv", ".json", ".md")  # images are compared by no one: fonts differ between machines


@contextmanager
def scratch(*names: str) -> Iterator[Path]:
    """A folder in which a stage can run beside the committed results: params.yaml and these files and folders, linked."""
    with TemporaryDirectory() as folder:
        for name in ("params.yaml", *names):
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).symlink_to(Path(name).resolve())
        yield Path(folder)


def run_stage(folder: Path, script: str, *arguments: str) -> str:
    """Run a stage script in the folder; what it has printed, where it failed, else nothing."""
    command = [sys.executable, Path("stages", script).resolve(), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def check_numbers(stage: str = "report") -> Verdict:
    """Run a reporting stage again, and compare all text that it writes."""
    declared = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][stage]
    outs = [next(iter(out)) for kind in ("outs", "metrics", "plots") for out in declared.get(kind, [])]
    verdict = Verdict("")
    with scratch("results", "paper") as folder:
        if failure := run_stage(folder, f"{stage}.py"):
            verdict.faults.append(f"{stage}: {failure}")
        committed = {path for out in outs for path in _texts(Path(out))}
        written = {path.relative_to(folder) for out in outs for path in _texts(folder / out)}
        for path in sorted(committed | written):
            if not (path in committed and path in written and path.read_bytes() == (folder / path).read_bytes()):
                verdict.faults.append(f"{path}: does not follow from the records")
    verdict.checked = f"{len(committed)} tables, metrics and curves follow from the records"
    return verdict


def _texts(path: Path) -> Iterator[Path]:
    files = path.rglob("*") if path.is_dir() else [path]
    return (file for file in files if file.suffix in TEXT and file.exists())
