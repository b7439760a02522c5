"""What every model offers to those that attack it and judge the attacks."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn


class Classifier(nn.Module, ABC):
    """Images (N, 1, 28, 28) in [0, 1] to logits (N, 10), differentiable.

    The methods below have answers that are right for a plain network, which has only one way to look at an image. Models
    that search for their answer, or know a faster way to it, have their own.

    Attributes:
        binary: whether images are binarised first, so that adversarials can be shrunk.
    """

    binary = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of images x (N, 1, 28, 28)."""

    def arbitrate(self, x: Tensor) -> Tensor:
        """Logits (N, 10) that decide what counts as an adversarial."""
        return self(x)

    def protocol(self, x: Tensor) -> Tensor:
        """Logits (N, 10) by the paper's own procedure."""
        return self(x)

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, 10) of images (M, 1, 28, 28) and the samples (M,) that they belong to, as a function.

        It may go on from what it was asked about a sample before.

        Args:
            samples: how many there are.
        """
        return lambda x, rows: self(x)

    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """Logits (N, 10) of images (N, 1, 28, 28) that hardly differ from one image x (1, 1, 28, 28), as a function."""
        return self


class LatentClassifier(Classifier):
    """A classifier that explains an image by a latent of each class, and so can reconstruct it."""

    @abstractmethod
    def explain(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 10) of images x (N, 1, 28, 28), and the reconstruction by each class (N, 10, 1, 28, 28)."""
