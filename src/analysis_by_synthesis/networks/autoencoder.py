"""What the VAEs of all data sets share: three hidden layers each way, with batch norm and ELU (appendix A.7)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from analysis_by_synthesis.networks.decoder import Decoder


class Encoder(nn.Module):
    """Images (N, *image_shape) to mean and log-variance of q(z|x), each (N, latent_dim); its layers are a subclass's."""

    conv_0: nn.Conv2d
    conv_1: nn.Conv2d
    conv_2: nn.Conv2d
    conv_3: nn.Conv2d
    bn_0: nn.BatchNorm2d
    bn_1: nn.BatchNorm2d
    bn_2: nn.BatchNorm2d

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = elu(self.bn_0(self.conv_0(x)))
        h = elu(self.bn_1(self.conv_1(h)))
        h = elu(self.bn_2(self.conv_2(h)))
        mean, log_variance = self.conv_3(h).flatten(1).chunk(2, dim=1)
        return mean, log_variance


class ConvolutionalDecoder(Decoder):
    """Latents (N, latent_dim) to images (N, *image_shape); its layers are a subclass's."""

    conv_0: nn.ConvTranspose2d
    conv_1: nn.ConvTranspose2d
    conv_2: nn.ConvTranspose2d
    conv_3: nn.ConvTranspose2d
    bn_0: nn.BatchNorm2d
    bn_1: nn.BatchNorm2d
    bn_2: nn.BatchNorm2d

    def forward(self, z: Tensor) -> Tensor:
        h = elu(self.bn_0(self.conv_0(z[:, :, None, None])))
        h = elu(self.bn_1(self.conv_1(h)))
        h = elu(self.bn_2(self.conv_2(h)))
        return torch.sigmoid(self.conv_3(h))

    def layers(self) -> list[tuple[nn.ConvTranspose2d, nn.BatchNorm2d | None]]:
        """The transposed convolutions, each with its batch norm."""
        return [(self.conv_0, self.bn_0), (self.conv_1, self.bn_1), (self.conv_2, self.bn_2), (self.conv_3, None)]


class Autoencoder(nn.Module):
    """The VAE of one class; only the decoder is needed for inference."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
