"""Can the results be read, and have they the form that every other check relies on?"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pandas.api.types import is_bool_dtype, is_numeric_dtype

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_card
from analysis_by_synthesis.pipeline.tables import read_records

NUMBERS = ("label", "predicted")  # of every record
ATTACKED = ("clean_correct", "rejected", "success")  # true or false, of an attack's
TAKE = "take it from git"


def check_files(project: Project) -> Verdict:
    """Records of attacks, bounds and clean images with their adversarials and run cards, code.json and experiment.json."""
    attacked = [path for path in (*project.attacks.glob("*.csv"), *project.bounds.glob("*.csv")) if _is_attack(path)]
    clean, faults = sorted(project.clean.glob("*.csv")), list(_of_the_project(project))
    lengths: dict[Path, int] = {}
    for path in sorted(attacked) + clean:
        try:
            table = read_records(path)
        except (UserError, OSError, ValueError) as error:
            faults.append(f"{path}: can't be read ({error}); {TAKE}")
            continue
        numbers, flags = (NUMBERS, ()) if path in clean else ((*NUMBERS, *NORMS, "queries"), ATTACKED)
        wrong = [name for name in numbers if name not in table or not is_numeric_dtype(table[name])]
        wrong += [name for name in flags if name not in table or not is_bool_dtype(table[name])]
        if wrong or not is_numeric_dtype(table.index):
            faults.append(f"{path}: {', '.join(wrong or ['image'])} is missing or garbled; {TAKE}")
        lengths[path] = len(table)
        try:
            card = read_card(path.with_suffix(".json"))
        except UserError as error:
            faults.append(str(error))
        else:
            if card is None:
                faults.append(f"{path.with_suffix('.json')}: is no run card; {TAKE}")
    faults += _of_adversarials({path: n for path, n in lengths.items() if path in attacked})
    return Verdict(f"{len(attacked) + len(clean)} records can be read, with their adversarials and run cards", faults)


def _is_attack(path: Path) -> bool:
    """Bounds have other tables beside them, without adversarials."""
    return path.with_suffix(".npz").exists() or not path.stem.endswith(("-paper", "-searches"))


def _of_adversarials(lengths: dict[Path, int]) -> Iterator[str]:
    shapes = {}
    for path in lengths:
        try:
            shapes[path] = tuple(read_adversarials(path.with_suffix("")).shape)
        except UserError as error:
            yield str(error)
    ((image, _),) = Counter(shape[1:] for shape in shapes.values()).most_common(1) or [((), 0)]
    for path, shape in shapes.items():
        if shape != (lengths[path], *image):
            yield f"{path.with_suffix('.npz')}: has the shape {shape}, not {(lengths[path], *image)}; {TAKE}"


def _of_the_project(project: Project) -> Iterator[str]:
    expected = (project.code, None), (project.experiment, set(Experiment.model_fields))
    for path, keys in expected:
        try:
            content = read_json(path)
        except UserError as error:
            yield str(error)
            continue
        blocks = isinstance(content, dict) and (keys or all(isinstance(part, dict) for part in content.values()))
        if not blocks or set(content) != (keys or set(content)):
            yield f"{path}: has other keys than it should; {TAKE}"
