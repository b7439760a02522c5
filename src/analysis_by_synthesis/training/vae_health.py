"""The health of the ten VAEs: samples, reconstruction errors and KL divergences, on training and test images."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.data.mnist import Split
from analysis_by_synthesis.networks.vae import LATENT_DIM, VAE, VAEDecoder
from analysis_by_synthesis.training.vae import kl_divergence, reconstruction_error

SPLITS: tuple[Split, ...] = ("train", "test")
SAMPLES = 12  # of each class
LATENTS = [f"latent_{i}" for i in range(1, LATENT_DIM + 1)]


@torch.no_grad()
def examine(vae: VAE, images: Mapping[Split, Tensor]) -> pd.DataFrame:
    """One VAE on images (N, 1, 28, 28) of its class, by split.

    Returns:
        a row per split: split, reconstruction (mean of ||x - G(E q(z|x))||^2), latent_1 to latent_8 (mean KL divergence of
        each latent from the prior, in nats; sorted by that of the first split).
    """
    rows, order = [], None
    for split, x in images.items():
        mean, log_variance = vae.encoder(x)
        kl = kl_divergence(mean.reshape(-1, 1), log_variance.reshape(-1, 1)).view(mean.shape).mean(0)
        order = kl.argsort(descending=True) if order is None else order
        error = reconstruction_error(x, vae.decoder(mean)).mean().item()
        rows.append({"split": split, "reconstruction": error} | dict(zip(LATENTS, kl[order].tolist())))
    return pd.DataFrame(rows)


def summarise(health: pd.DataFrame, active: float) -> dict[str, dict[str, float]]:
    """Per class, reconstruction error and KL divergence in nats by split, and how many latents are in use.

    Args:
        health: rows of `examine`, with their class.
        active: least KL divergence, on the training images, of a latent in use.
    """
    summary = {}
    for c, rows in health.set_index("split").groupby("class"):
        values = {f"reconstruction_{split}": rows.loc[split, "reconstruction"] for split in SPLITS}
        values |= {f"kl_{split}": rows.loc[split, LATENTS].sum() for split in SPLITS}
        in_use = int((rows.loc["train", LATENTS] > active).sum())
        summary[str(c)] = {name: round(float(value), 4) for name, value in values.items()} | {"active_latents": in_use}
    return summary


@torch.no_grad()
def samples(decoders: Sequence[VAEDecoder], seed: int) -> Tensor:
    """Images (C, S, 28, 28) that the decoders make from the prior; the same latents for all classes."""
    latents = torch.randn(SAMPLES, LATENT_DIM, generator=torch.Generator().manual_seed(seed))
    return torch.stack([decoder(latents).squeeze(1) for decoder in decoders])
