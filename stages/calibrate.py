"""Calibrate one model's softmax: alpha and eta."""

from pathlib import Path

import numpy as np

from analysis_by_synthesis.calibration import Calibration, calibrate, posterior
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.models import logits, model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, run


def main(name: str) -> None:
    module = model_module(name)
    settings, *model_parameters = read({"calibration": Calibration, **module.PARAMETERS})
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[-settings.images :] for part in load("test"))
    scores = logits(model, images.to(device())).cpu().numpy()
    alpha, eta = calibrate(scores, labels.numpy(), settings.median_confidence)
    confidence = float(np.median(posterior(scores, alpha, eta).max(1)))
    result = {"alpha": alpha, "eta": eta, "median_confidence": confidence, "images": len(labels)}
    write_json(Path(f"metrics/calibration/{name}.json"), result)


if __name__ == "__main__":
    run(main)
