"""The classifiers that are a network with trained weights."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.networks.binarize import Binarize
from analysis_by_synthesis.networks.folding import folded
from analysis_by_synthesis.networks.local import near
from analysis_by_synthesis.networks.network import Network
from analysis_by_synthesis.networks.registry import build_network
from analysis_by_synthesis.networks.weights import load_weights
from analysis_by_synthesis.params.models.trained import Config


class Trained(Classifier):
    """A trained network in the form in which it is run, which sees images as they are or binarised.

    Binarisation is its first layer, so that a library that walks the layers meets it too.
    """

    def __init__(self, network: Network, binary: bool) -> None:
        super().__init__()
        self.image_shape, self.classes, self.binary = network.image_shape, network.classes, binary
        self.network = nn.Sequential(*[Binarize()] * binary, *folded(network))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits

    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The logits (N, C), as a function, of images that differ from one image x (1, *image_shape) in a single pixel at best."""
        return near(self.network, x)


def load(folder: Path, config: Config) -> Trained:
    """The network with the weights of `folder`."""
    return Trained(load_weights(build_network(config.network), folder / "weights.safetensors"), config.binarize)
