"""What the inference minimises (eq. 3, 5)."""

from torch import Tensor, nn


def objective(decoder: nn.Module, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The negative ELBO of a point posterior at z, without its constants: ||G(z) - x||^2 + 1/2 ||z||^2 (eq. 3, 5).

    The observation model has variance 1/2 and q(z|x) has unit variance; D_c(x) is the minimum over z.

    Args:
        decoder: G, in evaluation mode.
        z: latents (N, L).
        x: images (N, *image_shape).

    Returns:
        The objective (N,), in squared pixel units, and the residual G(z) - x (N, *image_shape).
    """
    residual = decoder(z) - x
    return residual.square().sum((1, 2, 3)) + z.square().sum(1) / 2, residual
