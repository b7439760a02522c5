"""The convolutional classifier of appendix A.7."""

from torch import nn

from analysis_by_synthesis.networks.network import Network

KERNELS = (5, 4, 3, 5)
STRIDES = (1, 2, 2, 1)


class CNN(Network):
    """Images (N, 1, 28, 28) to logits (N, 10): four convolutions, ELU and batch norm on all but the last.

    Args:
        maps: feature maps of the four layers.
    """

    def __init__(self, maps: tuple[int, int, int, int] = (20, 70, 256, 10)) -> None:
        layers: list[nn.Module] = []
        for before, after, kernel, stride in zip((1, *maps), maps, KERNELS, STRIDES):
            layers += [nn.Conv2d(before, after, kernel, stride), nn.BatchNorm2d(after), nn.ELU()]
        super().__init__(*layers[:-2], nn.Flatten())


def build() -> CNN:
    """The network of the CNN and of the Binary CNN, with random weights."""
    return CNN()
