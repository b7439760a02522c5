"""Are the recorded predictions on clean images those of the models?"""

from pathlib import Path

import torch
from torch import Tensor

from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.models import logits
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import read_records

ROUNDING = 0.001  # between the logits of two classes; within it, another CPU may prefer the other class


def check_clean(path: Path, samples: int, model: Classifier, images: Tensor, labels: Tensor) -> Verdict:
    """A model's recorded predictions against those of the model.

    Args:
        path: of the records.
        samples: so many test images have to be in them, the first ones.
        images, labels: of the test split, (N, 1, 28, 28) and (N,).
    """
    name = path.stem
    try:
        records = read_records(path)
    except UserError as error:
        return Verdict(f"{name}: predictions on clean images", [str(error)])
    index = records.index.to_list()
    if index != list(range(samples)):
        return Verdict(
            f"{name}: predictions on clean images", [f"{name}: they are not of the first {samples} test images"]
        )
    scores = logits(model, images[index], "arbitrate")
    recorded = torch.tensor(records["predicted"].to_numpy())[:, None]
    wrong = scores.amax(1) - scores.gather(1, recorded)[:, 0] > ROUNDING
    mislabelled = torch.tensor(records["label"].to_numpy()) != labels[index]
    faults = [
        f"{name}, test image {i}: the recorded prediction is not the model's" for i in records.index[wrong.numpy()]
    ]
    faults += [f"{name}, test image {i}: the recorded label is not MNIST's" for i in records.index[mislabelled.numpy()]]
    return Verdict(f"{name}: {len(records)} predictions on clean images", faults)
