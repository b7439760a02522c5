"""What inference needs of a decoder."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """G(z) of the paper: latents (N, latent_dim) to images (N, *image_shape) in (0, 1).

    Attributes:
        latent_dim: L, the length of a latent.
        image_shape: channels, height and width.
    """

    latent_dim: int
    image_shape: tuple[int, int, int]

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Images of latents z (N, latent_dim)."""
