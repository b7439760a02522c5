"""The classifiers that are a network with trained weights."""

from pathlib import Path

from torch import nn

from analysis_by_synthesis.networks.classifiers import CLASSIFIERS
from analysis_by_synthesis.networks.weights import load_weights

PARAMETERS: dict = {}


def load(name: str, directory: Path) -> nn.Module:
    return load_weights(CLASSIFIERS[name](), directory / name / "weights.safetensors")
