"""The classifiers whose weights are trained, by name."""

from collections.abc import Callable

from torch import nn

from analysis_by_synthesis.networks.cnn import CNN, BinaryCNN
from analysis_by_synthesis.networks.madry import Madry

CLASSIFIERS: dict[str, Callable[[], nn.Module]] = {
    "cnn": CNN,
    "binary_cnn": BinaryCNN,
    "madry": Madry,
    "substitute": lambda: CNN(maps=(32, 32, 64, 10)),
}
