"""The classifiers that are a network with trained weights."""

from pathlib import Path

from torch import Tensor, nn

from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.folding import folded
from analysis_by_synthesis.networks.registry import build_network
from analysis_by_synthesis.networks.weights import load_weights
from analysis_by_synthesis.params.models.trained import Config


class Trained(Classifier):
    """A network, on images as they are or binarised."""

    def __init__(self, network: nn.Module, binary: bool) -> None:
        super().__init__()
        self.network, self.binary = network, binary

    def forward(self, x: Tensor) -> Tensor:
        return self.network(binarize(x) if self.binary else x)


def load(folder: Path, config: Config) -> Trained:
    """The network with the weights of `folder`."""
    network = load_weights(build_network(config.network), folder / "weights.safetensors")
    return Trained(folded(network), config.binarize)
