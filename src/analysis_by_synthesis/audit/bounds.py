"""Are the lower bounds below every adversarial of the same image, and what the search gives again?"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.bounds import bound_guided
from analysis_by_synthesis.bounds.summary import violations
from analysis_by_synthesis.distances import Metric, Norm
from analysis_by_synthesis.evaluation.results import Cell, Row, smallest_distances
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED_LABEL, Settings
from analysis_by_synthesis.params.bounds import CutSettings

TOLERANCE = 0.02  # relative, of a bound that is searched for again: other CPUs end a little elsewhere
STEP: dict[Metric, float] = {"l0": 1.0, "linf": 1 / 255}  # of bounds that know no smaller ones; Linf: of Binary ABS
SAMPLE = 6  # images of each model and norm whose bounds are searched for again


def check_bounds(cells: dict[Row, Cell], model: str, norm: Norm) -> Verdict:
    """The bounds of a model in a norm, against the records of all cells that attack it."""
    lower = cells[Row(norm, BOUND_GUIDED_LABEL, model)].records["lower"]
    both = pd.concat({"lower": lower, "upper": smallest_distances(cells, norm, model)}, axis=1, join="inner")
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
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
    """
    records = records[records["clean_correct"]]
    chosen = records.sample(min(SAMPLE, len(records)), random_state=seed).index.to_numpy(copy=True)
    recorder = Recorder(model, images[chosen], labels[chosen], norm)
    found = bound_guided.Attack(Settings(norm=norm, search=settings)).run(recorder)
    verdict = Verdict(f"{name}: {len(chosen)} {norm} bounds, searched for again")
    for column in ("single", "lower"):
        claims, again = records.loc[chosen, column].to_numpy(), found[column].numpy()
        wrong = ~np.isclose(claims, again, rtol=TOLERANCE, atol=STEP.get(norm, 0.0) + torch.finfo(torch.float32).eps)
        for image, claim, value in zip(chosen[wrong], claims[wrong], again[wrong]):
            verdict.faults.append(
                f"{name}, test image {image}: the {norm} bound {column} is {value:.6g} now, not {claim:.6g}"
            )
    return verdict
