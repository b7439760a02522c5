"""What training needs of a VAE."""

from torch import nn

from analysis_by_synthesis.networks.decoder import Decoder


class Autoencoder(nn.Module):
    """Encoder and decoder of one class.

    Attributes:
        encoder: images (N, *image_shape) to mean and log-variance of q(z|x), each (N, latent_dim).
        decoder: latents (N, latent_dim) to images.
    """

    encoder: nn.Module
    decoder: Decoder
