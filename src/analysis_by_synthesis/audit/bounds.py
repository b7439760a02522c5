"""Are the lower bounds below every adversarial of the same image, and what the search gives again?"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.bounds import bound_guided
from analysis_by_synthesis.bounds.summary import violations
from analysis_by_synthesis.distances import Metric
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attacks.bound_guided import Settings
from analysis_by_synthesis.params.bounds import CutSettings

TOLERANCE = 0.02  # relative, of a bound that is searched for again: other CPUs end a little elsewhere
PIXELS: dict[Metric, float] = {"l0": 1.0}  # a bound that is a number of pixels may end at the next one
BINARY_STEP: dict[Metric, float] = {"linf": 1 / 255}  # so may that of a binary model at the next grey level
SAMPLE = 6  # images of each model and norm whose bounds are searched for again


def check_bounds(records: pd.DataFrame, cells: dict[Row, Cell], model: str, norm: Metric) -> Verdict:
    """The bounds of a model in a norm, against its adversarials of all cells, whatever norm their attacks minimise."""
    found = [cell.records[norm] for row, cell in cells.items() if row.model == model]
    both = pd.concat({"lower": records["lower"], "upper": pd.concat(found, axis=1).min(axis=1)}, axis=1, join="inner")
    faults = [
        f"{model}, test image {image}: the {norm} bound {both['lower'][image]} is above {both['upper'][image]},"
        " an adversarial's"
        for image in violations(both)
    ]
    return Verdict(f"{model}: {len(both)} {norm} bounds are below every adversarial of the same image", faults)


def check_search(
    records: pd.DataFrame,
    name: str,
    model: Classifier,
    norm: Metric,
    settings: CutSettings,
    images: Tensor,
    labels: Tensor,
    seed: int,
) -> Verdict:
    """Search again for the bounds of a few random images.

    Args:
        records: of the bounds.
        name: of the model, in the verdict.
        settings: of the search that made them.
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
        seed: of the choice.
    """
    records = records[records["clean_correct"]]
    chosen = records.sample(min(SAMPLE, len(records)), random_state=seed).index.to_numpy(copy=True)
    recorder = Recorder(model, images[chosen], labels[chosen], norm)
    found = bound_guided.Attack(Settings(norm=norm, search=settings)).run(recorder)
    verdict = Verdict(f"{name}: {len(chosen)} {norm} bounds, searched for again")
    step = PIXELS.get(norm, 0.0) + (BINARY_STEP.get(norm, 0.0) if model.binary else 0.0)
    for column in ("single", "lower"):
        claims, again = records.loc[chosen, column].to_numpy(), found[column].numpy()
        wrong = ~np.isclose(claims, again, rtol=TOLERANCE, atol=step + torch.finfo(torch.float32).eps)
        for image, claim, value in zip(chosen[wrong], claims[wrong], again[wrong]):
            verdict.faults.append(
                f"{name}, test image {image}: the {norm} bound {column} is {value:.6g} now, not {claim:.6g}"
            )
    return verdict
