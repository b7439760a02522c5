"""Is every committed adversarial one, and as far from the clean image as its record says?"""

import numpy as np
import pandas as pd
from torch import Tensor, nn

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.verify import verify
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_records
from analysis_by_synthesis.pipeline.paths import ATTACKS
from analysis_by_synthesis.reporting.records import Cell

TOLERANCE = 1e-5  # relative, of a distance: the CSV has six digits


def check_cell(
    name: str, cell: Cell, model: nn.Module, images: Tensor, labels: Tensor, predicted: Tensor
) -> Verdict:
    """The records of an attack on a model, against its verdict on the stored adversarials.

    Args:
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
        predicted: the model's classes of these images (N,).
    """
    images, labels, predicted = images[: cell.samples], labels[: cell.samples], predicted[: cell.samples]
    verdict = Verdict(f"{name}: {cell.samples} records")
    try:
        records, adversarials = read_records(ATTACKS / f"{name}.csv"), read_adversarials(name)
    except (UserError, OSError, ValueError) as error:
        verdict.faults.append(f"{name}: cannot be read: {error}")
        return verdict
    if list(records.index) != list(range(cell.samples)) or len(adversarials) != cell.samples:
        verdict.faults.append(f"{name}: {len(records)} records and {len(adversarials)} adversarials, not {cell.samples}")
        return verdict
    found = verify(model, images, adversarials, labels)
    truth = {"label": labels, **{column: found[column] for column in ("success", "predicted")}}
    truth["clean_correct"] = predicted == labels
    for column, values in truth.items():
        verdict.faults += _differences(name, column, records[column], values.numpy(), exact=True)
    for norm in NORMS:
        verdict.faults += _differences(name, norm, records[norm], found[norm].numpy(), exact=False)
    return verdict


def _differences(name: str, column: str, claimed: pd.Series, found: np.ndarray, exact: bool) -> list[str]:
    claims = claimed.to_numpy()
    same = claims == found if exact else np.isclose(claims, found, rtol=TOLERANCE, atol=TOLERANCE)
    return [f"{name}, test image {i}: {column} is {found[i]}, not {claims[i]}" for i in np.flatnonzero(~same)]
