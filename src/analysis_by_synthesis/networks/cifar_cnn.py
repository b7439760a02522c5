"""The convolutional classifier of two-class CIFAR; the paper says nothing about its own, so this one is ours."""

from torch import nn

from analysis_by_synthesis.networks.network import Network

MAPS = ((32,), (64, 64), (128, 128), (256,))  # of the convolutions at each resolution


class CIFARCNN(Network):
    """Images (N, 3, 32, 32) to logits (N, 2): 3x3 convolutions with batch norm and ELU, at four resolutions."""

    image_shape = (3, 32, 32)
    classes = 2

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        before = 3
        for maps in MAPS:
            layers.append(nn.MaxPool2d(2))
            for after in maps:
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ELU()]
                before = after
        super().__init__(*layers[1:], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 2))


def build() -> CIFARCNN:
    """The network with random weights."""
    return CIFARCNN()
