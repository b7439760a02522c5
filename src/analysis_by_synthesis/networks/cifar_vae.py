"""The class-conditional VAE of two-class CIFAR: latent dimension 20 (appendix A.1), all else ours."""

from torch import nn

from analysis_by_synthesis.networks.autoencoder import Autoencoder, ConvolutionalDecoder, Encoder

LATENT_DIM = 20
MAPS = (32, 64, 128)


class CIFAREncoder(Encoder):
    """Images (N, 3, 32, 32) to mean and log-variance of q(z|x), each (N, 20)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(3, MAPS[0], 4, stride=2, padding=1)
        self.bn_0 = nn.BatchNorm2d(MAPS[0])
        self.conv_1 = nn.Conv2d(MAPS[0], MAPS[1], 4, stride=2, padding=1)
        self.bn_1 = nn.BatchNorm2d(MAPS[1])
        self.conv_2 = nn.Conv2d(MAPS[1], MAPS[2], 4, stride=2, padding=1)
        self.bn_2 = nn.BatchNorm2d(MAPS[2])
        self.conv_3 = nn.Conv2d(MAPS[2], 2 * LATENT_DIM, 4)


class CIFARDecoder(ConvolutionalDecoder):
    """Latents (N, 20) to images (N, 3, 32, 32)."""

    latent_dim = LATENT_DIM
    image_shape = (3, 32, 32)

    def __init__(self) -> None:
        super().__init__()
        self.conv_0 = nn.ConvTranspose2d(LATENT_DIM, MAPS[2], 4)
        self.bn_0 = nn.BatchNorm2d(MAPS[2])
        self.conv_1 = nn.ConvTranspose2d(MAPS[2], MAPS[1], 4, stride=2, padding=1)
        self.bn_1 = nn.BatchNorm2d(MAPS[1])
        self.conv_2 = nn.ConvTranspose2d(MAPS[1], MAPS[0], 4, stride=2, padding=1)
        self.bn_2 = nn.BatchNorm2d(MAPS[0])
        self.conv_3 = nn.ConvTranspose2d(MAPS[0], 3, 4, stride=2, padding=1)


class CIFARVAE(Autoencoder):
    """Encoder and decoder of one class; only the decoder is needed for inference."""

    def __init__(self) -> None:
        super().__init__(CIFAREncoder(), CIFARDecoder())


def build() -> CIFARVAE:
    """The network with random weights."""
    return CIFARVAE()
