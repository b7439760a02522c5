"""Classify the clean test images with one model."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.files import CLEAN, write_csv
from analysis_by_synthesis.models import model_module, predict
from analysis_by_synthesis.params import Count, read
from analysis_by_synthesis.stage import device, run


def main(name: str) -> None:
    module = model_module(name)
    n, *model_parameters = read({"clean_images": Count, **module.PARAMETERS})
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[:n] for part in load("test"))
    predicted = predict(model, images.to(device())).cpu()
    write_csv(CLEAN / f"{name}.csv", pd.DataFrame({"index": range(n), "label": labels, "predicted": predicted}))


if __name__ == "__main__":
    run(main)
