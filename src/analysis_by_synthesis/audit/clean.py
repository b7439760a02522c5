"""Are the recorded predictions on clean images those of the models?"""

import numpy as np
from torch import Tensor, nn

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.files import CLEAN, read_records
from analysis_by_synthesis.models import predict


def check_clean(name: str, model: nn.Module, images: Tensor, labels: Tensor) -> Verdict:
    """The first so many of a model's predictions, on images (N, 1, 28, 28) with labels (N,); N or as many as there are."""
    records = read_records(CLEAN / f"{name}.csv").iloc[: len(images)]
    images, labels = images[: len(records)], labels[: len(records)]
    wrong = (records["predicted"] != predict(model, images).numpy()) | (records["label"] != labels.numpy())
    faults = [f"{name}, test image {i}: the recorded prediction is not the model's" for i in np.flatnonzero(wrong)]
    return Verdict(f"{name}: {len(images)} predictions on clean images", faults)
