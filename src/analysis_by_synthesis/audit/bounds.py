"""Is any lower bound above a verified adversarial of the same image?"""

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_records
from analysis_by_synthesis.pipeline.paths import BOUNDS
from analysis_by_synthesis.reporting.records import Cell, LabelledAttack, all_attacks, read_cells

ROUNDING = 1e-5  # relative, of numbers with six digits


def check_bounds(model: str, attacks: dict[str, LabelledAttack], cells: dict[str, dict[str, Cell]]) -> Verdict:
    """The bounds of a model, in every norm, against the records of all cells that attack it."""
    try:
        bounds = read_records(BOUNDS / f"{model}.csv")
        records, _ = read_cells(attacks, cells)
    except UserError as problem:
        return Verdict(f"{model}: bounds", [str(problem)])
    distances = {row: table[row.norm] for row, table in records.items()}
    verdict, compared = Verdict(""), 0
    for row, upper in all_attacks(distances).items():
        lower = bounds[bounds["norm"] == row.norm]["lower"]
        lower, upper = lower.align(upper, join="inner")
        compared += len(lower)
        for i in lower.index[lower > upper * (1 + ROUNDING)]:
            verdict.faults.append(f"{model}, test image {i}: the {row.norm} bound {lower[i]} is above {upper[i]}, an adversarial's")
    verdict.checked = f"{model}: {compared} bounds are below every adversarial of the same image"
    return verdict
