"""What the inference minimises: the paper's equations 3 and 5."""

from torch import Tensor

from analysis_by_synthesis.networks.vae import Decoder


def objective(decoder: Decoder, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The negative ELBO of a point posterior at z, without its constants: ||G(z) - x||^2 + 1/2 ||z||^2 (eq. 3, 5).

    The observation model has variance 1/2 and q(z|x) has unit variance; D_c(x) is the minimum over z.

    Args:
        decoder: G, in evaluation mode.
        z: latents (N, 8).
        x: images (N, 1, 28, 28) in [0, 1].

    Returns:
        The objective (N,), in squared pixel units, and the residual G(z) - x (N, 1, 28, 28).
    """
    residual = decoder(z) - x
    return residual.square().sum((1, 2, 3)) + z.square().sum(1) / 2, residual
