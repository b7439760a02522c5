"""ABS without its search: the ELBO at the encoder's mean, the amortised inference that section 3 says is susceptible."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.networks.decoders import load_vaes
from analysis_by_synthesis.params.models.abs_amortised import Config
from analysis_by_synthesis.training.vae import kl_divergence, reconstruction_error


class AmortisedABS(Classifier):
    """Images (N, *image_shape) to logits (N, C): of each class -||x - G(mu(x))||^2 - D_KL[q(z|x) || N(0, 1)] (eq. 2).

    Args:
        vaes: of each class, used in evaluation mode.
    """

    def __init__(self, vaes: Sequence[Autoencoder]) -> None:
        super().__init__()
        self.image_shape, self.classes = vaes[0].decoder.image_shape, len(vaes)
        self.vaes = nn.ModuleList(vaes)

    def forward(self, x: Tensor) -> Tensor:
        elbos = []
        for vae in self.vaes:
            mean, log_variance = vae.encoder(x)  # type: ignore[operator]  # ModuleList forgets what it holds
            elbos.append(-reconstruction_error(x, vae.decoder(mean)) - kl_divergence(mean, log_variance))  # type: ignore[operator]
        return torch.stack(elbos, dim=1)


def load(folder: Path, config: Config) -> AmortisedABS:
    """With the VAEs of `folder`."""
    return AmortisedABS(load_vaes(folder, config.network, config.classes))
