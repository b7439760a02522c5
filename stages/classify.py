"""Classify the clean test images with one model."""

from pathlib import Path

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.models import model_module, predict
from analysis_by_synthesis.params import Count, read
from analysis_by_synthesis.records import write_clean
from analysis_by_synthesis.stage import device, run


def main(name: str) -> None:
    module = model_module(name)
    n, *model_parameters = read({"clean_images": Count, **module.PARAMETERS})
    model = module.load(name, Path("models"), *model_parameters).to(device())
    images, labels = (part[:n] for part in load("test"))
    write_clean(name, labels, predict(model, images.to(device())).cpu())


if __name__ == "__main__":
    run(main)
