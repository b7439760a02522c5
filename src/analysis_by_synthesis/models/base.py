"""What every model offers to those that attack it and judge the attacks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present


class Classifier(nn.Module, ABC):
    """Images (N, *image_shape), usually in [0, 1], to logits (N, classes), differentiable.

    The methods below have answers that are right for a plain network, which has only one way to look at an image. Models
    that search for their answer, or know a faster way to it, have their own.

    Attributes:
        image_shape: channels, height and width.
        classes: their number C.
        binary: whether images are binarised first, so that adversarials can be shrunk.
    """

    image_shape: tuple[int, ...]
    classes: int
    binary: bool = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, C) of images x (N, *image_shape)."""

    def arbitrate(self, x: Tensor) -> Tensor:
        """Logits (N, C) that decide what counts as an adversarial."""
        logits: Tensor = self(x)
        return logits

    def protocol(self, x: Tensor) -> Tensor:
        """Logits (N, C) by the paper's own procedure."""
        logits: Tensor = self(x)
        return logits

    def follow(self, samples: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Logits (M, C) of images (M, *image_shape) and the samples (M,) that they belong to, as a function.

        It may go on from what it was asked about a sample before.

        Args:
            samples: how many there are.
        """
        return lambda x, rows: self(x)

    def nearby(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """Logits (N, C) of images (N, *image_shape) that hardly differ from one image x (1, *image_shape), as a function."""
        return self

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As that of every module; names that nn.DataParallel has put "module." before are understood."""
        state = dict(state_dict)
        consume_prefix_in_state_dict_if_present(state, "module.")
        return super().load_state_dict(state, strict, assign)


class LatentClassifier(Classifier):
    """A classifier that explains an image by a latent of each class, and so can reconstruct it."""

    @abstractmethod
    def explain(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, C) of images x (N, *image_shape), and the reconstruction by each class (N, C, *image_shape)."""
