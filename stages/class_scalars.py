"""Fit gamma, the class scalars of Binary ABS, on training images."""

from pathlib import Path

import torch

from analysis_by_synthesis.calibration import ClassScalars, fit_class_scalars
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.inference import InferenceSettings
from analysis_by_synthesis.models.abs import BinaryABS
from analysis_by_synthesis.models.binary_abs import save_class_scalars
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, run


def main() -> None:
    settings, inference = read({"class_scalars": ClassScalars, "inference": InferenceSettings})
    images, labels = (part[: settings.images] for part in load("train"))
    model = BinaryABS(load_decoders(Path("models")), inference).to(device())
    with torch.no_grad():
        distances = -model(images.to(device())).cpu()
    gamma = fit_class_scalars(distances.numpy(), labels.numpy(), settings)
    save_class_scalars([round(value, 6) for value in gamma.tolist()], Path("models"))


if __name__ == "__main__":
    run(main)
