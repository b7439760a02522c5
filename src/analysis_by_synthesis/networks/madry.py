"""The network of Madry et al. (2018), as released in their MNIST challenge."""

from torch import nn

from analysis_by_synthesis.networks.network import Network


class Madry(Network):
    """Images (N, 1, 28, 28) to logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, 1024), nn.ReLU(),
            nn.Linear(1024, 10),
        )  # fmt: skip


def build() -> Madry:
    """The network with random weights."""
    return Madry()
