"""What a classifier that is a network knows about itself."""

from torch import nn


class Network(nn.Sequential):
    """Layers that lead from images (N, *image_shape) to logits (N, classes).

    Attributes:
        image_shape: channels, height and width.
        classes: their number C.
    """

    image_shape: tuple[int, int, int] = (1, 28, 28)
    classes: int = 10
