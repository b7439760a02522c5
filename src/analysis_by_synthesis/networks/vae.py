"""The class-conditional VAE of section 4 and appendix A.7 of the paper."""

from torch import nn

from analysis_by_synthesis.networks.autoencoder import Autoencoder, ConvolutionalDecoder, Encoder

LATENT_DIM = 8


class VAEEncoder(Encoder):
    """Images (N, 1, 28, 28) to mean and log-variance of q(z|x), each (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(1, 32, 5)
        self.bn_0 = nn.BatchNorm2d(32)
        self.conv_1 = nn.Conv2d(32, 32, 4, stride=2)
        self.bn_1 = nn.BatchNorm2d(32)
        self.conv_2 = nn.Conv2d(32, 64, 3, stride=2)
        self.bn_2 = nn.BatchNorm2d(64)
        self.conv_3 = nn.Conv2d(64, 2 * LATENT_DIM, 5)


class VAEDecoder(ConvolutionalDecoder):
    """Latents (N, 8) to images (N, 1, 28, 28)."""

    latent_dim = LATENT_DIM
    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.conv_0 = nn.ConvTranspose2d(LATENT_DIM, 32, 4)
        self.bn_0 = nn.BatchNorm2d(32)
        self.conv_1 = nn.ConvTranspose2d(32, 16, 5, stride=2)
        self.bn_1 = nn.BatchNorm2d(16)
        self.conv_2 = nn.ConvTranspose2d(16, 16, 5, stride=2)
        self.bn_2 = nn.BatchNorm2d(16)
        self.conv_3 = nn.ConvTranspose2d(16, 1, 4)


class VAE(Autoencoder):
    """Encoder and decoder of one class; only the decoder is needed for inference."""

    decoder: VAEDecoder

    def __init__(self) -> None:
        super().__init__(VAEEncoder(), VAEDecoder())


def build() -> VAE:
    """The network with random weights."""
    return VAE()
