"""Fit gamma, the class scalars of Binary ABS, on training images."""

import time

import torch

from analysis_by_synthesis.calibration import ClassScalars, fit_class_scalars
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.models import binary_abs
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import MODELS, TRAINING
from analysis_by_synthesis.pipeline.stage import run


def main() -> None:
    (settings,) = read({"class_scalars": ClassScalars})
    code = recorded(["stages.class_scalars"])
    began, where = time.perf_counter(), device()
    folder = MODELS / "binary_abs"
    config = binary_abs.Config(**read_json(folder / "config.json"))
    decoders = MODELS / config.decoders
    images, labels = (part[: settings.images] for part in load("train"))
    model = binary_abs.BinaryABS(load_decoders(decoders), config.inference).to(where)
    with torch.no_grad():
        distances = -model(images.to(where)).cpu()
    gamma = fit_class_scalars(distances.numpy(), labels.numpy(), settings)
    binary_abs.save_class_scalars([round(value, 6) for value in gamma.tolist()], folder, decoders)
    seconds = time.perf_counter() - began
    write_card(TRAINING / "class_scalars.json", code, device_name(where), seconds, samples=settings.images)


if __name__ == "__main__":
    run(main)
