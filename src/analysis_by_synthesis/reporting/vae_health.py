"""The health of the ten VAEs at a glance: samples, reconstruction error and KL divergence per latent, training beside test."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from analysis_by_synthesis.networks.vae import LATENT_DIM, VAE, Decoder
from analysis_by_synthesis.reporting.style import save
from analysis_by_synthesis.training.vae import kl_divergence, reconstruction_error

SAMPLES = 12
SPLITS = {"train": {"marker": "o", "color": "#56B4E9"}, "test": {"marker": "x", "color": "#000000"}}
LATENTS = [f"latent_{i}" for i in range(1, LATENT_DIM + 1)]


@torch.no_grad()
def examine(vae: VAE, images: dict[str, Tensor]) -> pd.DataFrame:
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


def draw(decoders: Sequence[Decoder], health: pd.DataFrame, seed: int, path: Path) -> None:
    """A row for each class: samples (the same latents for all classes), KL divergences, reconstruction errors.

    Args:
        health: rows of `examine`, with their class.
    """
    figure, axes = plt.subplots(1, 4, figsize=(11, 4.2), width_ratios=(5, 3, 3, 2.2), sharey=True, layout="constrained")
    _draw_samples(axes[0], decoders, seed)
    for axis, split in zip(axes[1:3], SPLITS):
        kl = health.loc[health["split"] == split, LATENTS].to_numpy()
        axis.imshow(kl, cmap="Greys", vmin=0, vmax=4, aspect="auto", interpolation="none")
        for (c, latent), value in np.ndenumerate(kl):
            axis.text(
                latent, c, f"{value:.1f}", ha="center", va="center", fontsize=7, color="w" if value > 2.5 else "k"
            )
        axis.set(title=f"KL divergence, {split} (nats)", xlabel="latent, by its share", xticks=range(LATENT_DIM))
        axis.set_xticklabels(range(1, LATENT_DIM + 1))
        axis.grid(False)
    for split, style in SPLITS.items():
        rows = health[health["split"] == split]
        axes[3].plot(rows["reconstruction"], rows["class"], linestyle="none", markersize=5, label=split, **style)
    axes[3].set(title=r"$\|x - G(\mathrm{E}\,z)\|^2$, mean", xlabel="squared pixel units", xlim=(0, None))
    axes[3].legend(fontsize=8)
    save(figure, path)


@torch.no_grad()
def _draw_samples(axis: Axes, decoders: Sequence[Decoder], seed: int) -> None:
    latents = torch.randn(SAMPLES, LATENT_DIM, generator=torch.Generator().manual_seed(seed))
    rows = [torch.cat(list(decoder(latents).squeeze(1)), dim=1) for decoder in decoders]
    extent = (0, SAMPLES, len(rows) - 0.5, -0.5)
    axis.imshow(
        torch.cat(rows).numpy(), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="none"
    )
    axis.set(title="G(z) for z from the prior", ylabel="class", xticks=[], yticks=range(len(rows)))
    axis.grid(False)
