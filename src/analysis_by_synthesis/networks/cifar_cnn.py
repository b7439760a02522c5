"""The convolutional classifier of two-class CIFAR; the paper says nothing about its own, so this one is ours."""

from itertools import pairwise

from torch import nn

from analysis_by_synthesis.networks.network import Network

MAPS = (3, 32, 64, 128, 256)


class CIFARCNN(Network):
    """Images (N, 3, 32, 32) to logits (N, 2): 3x3 convolutions, batch norm and ELU, with half the resolution after each."""

    image_shape = (3, 32, 32)
    classes = 2

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise(MAPS):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ELU(), nn.MaxPool2d(2)]
        super().__init__(*layers[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(MAPS[-1], 2))


def build() -> CIFARCNN:
    """The network with random weights."""
    return CIFARCNN()
