"""Does a stage give the committed results when it is run again from what it declares, and from nothing else?"""

import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml

from analysis_by_synthesis.audit.stages import Stage
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_card

COMPARED = (
    ".csv",
    ".json",
    ".md",
    ".html",
    ".npz",
    ".safetensors",
)  # figures by what they draw: fonts differ between machines
SHARE = 0.02  # of a file's numbers may differ by more than the tolerance: another CPU may prefer another class
INPUTS = ("params.yaml", "code.json", "stages")  # of all stages


def check_remake(
    project: Project, stage: Stage, tolerance: float = 0.0, changes: Mapping[str, Any] | None = None
) -> Verdict:
    """Run a stage in a folder that holds links to its dependencies and nothing else, and compare what it writes.

    Args:
        tolerance: relative, of numbers; 0 asks for the same bytes.
        changes: dotted keys of params.yaml with other values; only the records of the test images that
            this run has are compared then.
    """
    verdict, compared = Verdict(""), 0
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"  # dependencies can lie above a project
        folder.mkdir()
        _link(project.root, folder, [*map(Path, INPUTS), *stage.deps])
        if changes:
            _change(folder / "params.yaml", changes)
        script, *arguments = stage.command
        command = [sys.executable, str((project.root / script).resolve()), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode} and without a word"]
            verdict.faults.append(f"{stage.name}: {said[-1]}")
        roots = (project.root, folder)
        for path in sorted({file for out in stage.outs for root in roots for file in _files(root, out)}):
            committed, made = (root / path for root in roots)
            if read_card(committed) or read_card(made):
                continue
            compared += 1
            if not (committed.exists() and made.exists()):
                verdict.faults.append(f"{path}: {'is not made' if committed.exists() else 'is missing'}")
            elif differing := _differs(committed, made, tolerance, bool(changes)):
                verdict.faults.append(f"{path}: {differing}")
    verdict.checked = f"{stage.name}: made again, {compared} files"
    return verdict


def _link(root: Path, folder: Path, paths: list[Path]) -> None:
    for path in paths:
        link, original = folder / path, root / path
        if original.exists() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(original.resolve())


def _change(path: Path, changes: Mapping[str, Any]) -> None:
    """Replace the link by a changed copy."""
    tree = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split(".")
        block = tree
        for parent in parents:
            block = block[parent]
        block[last] = value
    path.unlink()
    path.write_text(yaml.safe_dump(tree, sort_keys=False))


def _files(root: Path, out: Path) -> Iterator[Path]:
    path = root / out
    files = path.rglob("*") if path.is_dir() else [path]
    return (file.relative_to(root) for file in files if file.suffix in COMPARED and file.is_file())


def _differs(committed: Path, made: Path, tolerance: float, in_part: bool) -> str:
    """What differs between two files, in words; nothing if they are alike."""
    if committed.read_bytes() == made.read_bytes():
        return ""
    if not tolerance and not in_part and committed.suffix != ".npz":
        return "is not what the stage makes from its inputs"
    ours, theirs = (_numbers(path) for path in (committed, made))
    if in_part:
        if committed.suffix != ".csv":
            return ""  # the CSV names the images, and says how far their adversarials are
        if not theirs.index.isin(ours.index).all():
            return "leaves out images that the stage attacks first"
        ours = ours.loc[theirs.index]
    if ours.shape != theirs.shape:
        return f"has {ours.shape} numbers, not {theirs.shape}"
    alike = np.isclose(ours.to_numpy(), theirs.to_numpy(), rtol=tolerance, atol=1e-9, equal_nan=True)
    wrong = int((~alike).sum())
    return (
        f"{wrong} of {alike.size} numbers are not what the stage makes"
        if wrong > SHARE * alike.size * bool(tolerance)
        else ""
    )


def _numbers(path: Path) -> pd.DataFrame:
    """All numbers of a file; the rows of a table by test image, where it names them."""
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        table = table.set_index("image") if "image" in table and table["image"].is_unique else table
        return table.apply(
            lambda column: (
                column if column.dtype.kind in "iufb" else column.map(lambda text: zlib.crc32(str(text).encode()))
            )
        ).astype(float)
    if path.suffix == ".npz":
        with np.load(path) as archive:
            arrays = [archive[name].ravel() for name in sorted(archive.files)]
        parts = [
            _in_text(" ".join(array)) if array.dtype.kind == "U" else array.astype(float).tolist() for array in arrays
        ]
        return pd.DataFrame([number for part in parts for number in part])
    return pd.DataFrame(_in_text(path.read_text()))


def _in_text(text: str) -> list[float]:
    """The numbers in a text, and a number for what stands between them."""
    pattern = r"-?\d+\.?\d*(?:e[+-]?\d+)?"
    return [float(number) for number in re.findall(pattern, text)] + [
        float(zlib.crc32(re.sub(pattern, "#", text).encode()))
    ]
