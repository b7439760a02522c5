"""Is every committed adversarial one, and as far from the clean image as its record says?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.audit.clean import ROUNDING
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.distances import METRICS
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.verify import verify
from analysis_by_synthesis.models import logits
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.tables import read_records

TOLERANCE = 1e-5  # relative, of a distance: the CSV has six digits
SMALL = 250  # so many adversarials of a cell are checked in any case


def check_cells(
    stems: Sequence[Path], model: Classifier, images: Tensor, labels: Tensor, experiment: Path, share: float, seed: int
) -> Iterator[Verdict]:
    """The records of attacks on a model.

    Args:
        stems: of the cells' files.
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
        experiment: experiment.json.
        share: of the adversarials of a large cell that are verified, drawn with `seed`.
    """
    order = in_order(Experiment(**read_json(experiment)).order, len(labels))
    attacked = {stem: order[: read_json(stem.with_suffix(".json"))["samples"]] for stem in stems}
    correct = clearly_correct(model, images, labels, max(attacked.values(), key=len, default=[]))
    for stem, chosen in attacked.items():
        yield check_cell(stem, chosen, correct, model, images, labels, share, seed)


def clearly_correct(model: Classifier, images: Tensor, labels: Tensor, chosen: list[int]) -> pd.Series:
    """Of test images, 1.0 where the model is right, 0.0 where it isn't, nan where two logits are too close to say."""
    scores = logits(model, images[chosen], "arbitrate")
    true = labels[chosen, None]
    ahead = scores.gather(1, true) - scores.scatter(1, true, -torch.inf).amax(1, keepdim=True)
    return pd.Series(ahead[:, 0].sign().where(ahead[:, 0].abs() > ROUNDING, torch.nan).clamp(min=0).numpy(), chosen)


def check_cell(
    stem: Path,
    attacked: list[int],
    correct: pd.Series,
    model: Classifier,
    images: Tensor,
    labels: Tensor,
    share: float,
    seed: int,
) -> Verdict:
    """The records of an attack on a model, or a random share of many, against its verdict on the stored adversarials.

    Args:
        stem: of the cell's files.
        attacked: the test images that it has to be about, in that order.
        correct: `clearly_correct` of these.
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
        share: of the adversarials that are verified where there are many, drawn with `seed`.
    """
    samples, name = len(attacked), stem.name
    verdict = Verdict(f"{name}: {samples} adversarials")
    try:
        records, adversarials = read_records(stem.with_suffix(".csv")), read_adversarials(stem)
    except (UserError, ValueError) as error:
        verdict.faults.append(f"{name}: {error}")
        return verdict
    if not len(records) == len(adversarials) == samples:
        verdict.faults.append(f"{name}: {len(records)} records and {len(adversarials)} adversarials, not {samples}")
        return verdict
    if records.index.to_list() != attacked:
        verdict.faults.append(f"{name}: the records are not of the first {samples} test images of the random order")
        return verdict
    claimed = records["clean_correct"]
    wrong = claimed.index[correct.loc[attacked].notna() & (correct.loc[attacked] != claimed)]
    verdict.faults += [f"{name}, test image {image}: clean_correct is not {claimed[image]}" for image in wrong]
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
