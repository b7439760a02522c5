"""Do the tables, metrics and curves follow from the per-sample records?"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.scratch import link, run_stage

TEXT = (".csv", ".json", ".md")  # images are compared by no one: fonts differ between machines


def check_numbers(stage: str = "report") -> Verdict:
    """Run a reporting stage again, and compare all text that it writes."""
    declared = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][stage]
    outs = [next(iter(out)) for kind in ("outs", "metrics", "plots") for out in declared.get(kind, [])]
    verdict = Verdict("")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        link(folder, {name: Path(name) for name in ("results", "paper")})
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
