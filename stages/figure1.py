"""Figure 1's content: the ten reconstructions of a few random test images."""

import json
from pathlib import Path

import numpy as np
import torch

from analysis_by_synthesis.calibration import posterior
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.inference import InferenceSettings, build_inference
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.figure1 import IMAGES, draw
from analysis_by_synthesis.stage import run


def main() -> None:
    seed, inference = read({"seed": int, "inference": InferenceSettings})
    images, labels = load("test")
    chosen = torch.from_numpy(np.random.default_rng(seed).choice(len(images), IMAGES, replace=False))
    solution = build_inference(load_decoders(Path("models")), inference).arbitrate(images[chosen])
    softmax = json.loads(Path("metrics/calibration/abs.json").read_text())
    p = posterior(-solution.distance.numpy(), softmax["alpha"], softmax["eta"])
    draw(images[chosen], labels[chosen], solution, p, Path("plots/figure1.png"))


if __name__ == "__main__":
    run(main)
