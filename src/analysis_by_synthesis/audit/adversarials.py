"""Is every committed adversarial one, and as far from the clean image as its record says?"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.distances import METRICS
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.verify import verify
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import read_records

TOLERANCE = 1e-5  # relative, of a distance: the CSV has six digits
SMALL = 250  # so many adversarials of a cell are checked in any case


def check_cell(
    stem: Path, samples: int, model: Classifier, images: Tensor, labels: Tensor, share: float, seed: int
) -> Verdict:
    """The records of an attack on a model, or a random share of many, against its verdict on the stored adversarials.

    Args:
        stem: of the cell's files.
        samples: that its run card speaks of.
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
    """
    verdict, name = Verdict(f"{stem.name}: {samples} adversarials"), stem.name
    try:
        records, adversarials = read_records(stem.with_suffix(".csv")), read_adversarials(stem)
    except (UserError, ValueError) as error:
        verdict.faults.append(f"{name}: {error}")
        return verdict
    if not (len(records) == len(adversarials) == samples == records.index.nunique()):
        verdict.faults.append(f"{name}: {len(records)} records and {len(adversarials)} adversarials, not {samples}")
        return verdict
    if samples > SMALL and share < 1:
        chosen = np.sort(np.random.default_rng(seed).choice(samples, max(SMALL, int(share * samples)), replace=False))
        records, adversarials = records.iloc[chosen], adversarials[torch.from_numpy(chosen)]
        verdict.checked = f"{name}: {len(chosen)} of {samples} adversarials"
    index = records.index.to_list()
    found = verify(model, images[index], adversarials, labels[index])
    truth = {"label": labels[index], **{column: found[column] for column in ("success", "predicted")}}
    for column, values in truth.items():
        verdict.faults += _differences(name, column, records[column], values.numpy(), exact=True)
    for norm in records.columns.intersection(METRICS):
        verdict.faults += _differences(name, norm, records[norm], found[norm].numpy(), exact=False)
    return verdict


def _differences(name: str, column: str, claimed: pd.Series, found: np.ndarray, exact: bool) -> list[str]:
    claims = claimed.to_numpy()
    same = claims == found if exact else np.isclose(claims, found, rtol=TOLERANCE, atol=TOLERANCE)
    wrong = zip(claimed.index[~same], found[~same], claims[~same])
    return [f"{name}, test image {image}: {column} is {truth}, not {claim}" for image, truth, claim in wrong]
