"""Are the recorded predictions on clean images those of the models?"""

import numpy as np
from torch import Tensor

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.pipeline.files import read_records
from analysis_by_synthesis.pipeline.paths import CLEAN


def check_clean(name: str, predicted: Tensor, labels: Tensor) -> Verdict:
    """The first N of a model's recorded predictions, or as many as there are, against those of the model (N,)."""
    records = read_records(CLEAN / f"{name}.csv").iloc[: len(labels)]
    predicted, labels = predicted[: len(records)], labels[: len(records)]
    wrong = (records["predicted"] != predicted.numpy()) | (records["label"] != labels.numpy())
    faults = [f"{name}, test image {i}: the recorded prediction is not the model's" for i in np.flatnonzero(wrong)]
    return Verdict(f"{name}: {len(records)} predictions on clean images", faults)
