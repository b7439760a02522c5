"""The network that transfer attacks are found on (appendix A.7): the CNN with other numbers of feature maps."""

from analysis_by_synthesis.networks.cnn import CNN


def build() -> CNN:
    """The network with random weights."""
    return CNN(maps=(32, 32, 64, 10))
