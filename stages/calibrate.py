"""Calibrate one model's softmax: alpha, eta, and the confidence in each image before and after."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.calibration import Calibration, calibrate, posterior
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.files import write_csv, write_json
from analysis_by_synthesis.models import logits, model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, run


def main(name: str) -> None:
    module = model_module(name)
    settings, *model_parameters = read({"calibration": Calibration, **module.PARAMETERS})
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = load("test")
    chosen = range(len(labels))[-settings.images :]
    scores, labels = logits(model, images[chosen].to(device())).cpu().numpy(), labels[chosen].numpy()
    alpha, eta = calibrate(scores, labels, settings.median_confidence)
    table = pd.DataFrame({
        "index": chosen, "label": labels, "predicted": scores.argmax(1),
        "before": posterior(scores, 1, 0).max(1), "after": posterior(scores, alpha, eta).max(1),
    })  # fmt: skip
    write_csv(Path(f"results/calibration/{name}.csv"), table)
    result = {"alpha": alpha, "eta": eta, "median_confidence": table["after"].median(), "images": len(labels)}
    write_json(Path(f"metrics/calibration/{name}.json"), result)


if __name__ == "__main__":
    run(main)
