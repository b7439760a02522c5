"""The health of the ten VAEs at a glance: samples, reconstruction error and KL divergence per latent, training beside test."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from torch import Tensor

from analysis_by_synthesis.networks.vae import LATENT_DIM
from analysis_by_synthesis.reporting.style import save
from analysis_by_synthesis.training.vae_health import LATENTS

STYLES = {"train": {"marker": "o", "color": "#56B4E9"}, "test": {"marker": "x", "color": "#000000"}}  # by split


def draw(samples: Tensor, health: pd.DataFrame, path: Path) -> None:
    """A row for each class: samples, KL divergences, reconstruction errors.

    Args:
        samples: of each class (C, S, 28, 28).
        health: rows of `examine`, with their class.
    """
    figure, axes = plt.subplots(1, 4, figsize=(11, 4.2), width_ratios=(5, 3, 3, 2.2), sharey=True, layout="constrained")
    rows = samples.transpose(1, 2).flatten(2).flatten(0, 1).numpy()
    extent = (0, samples.shape[1], len(samples) - 0.5, -0.5)
    axes[0].imshow(rows, cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="none")
    axes[0].set(title="G(z) for z from the prior", ylabel="class", xticks=[], yticks=range(len(samples)))
    axes[0].grid(False)
    for axis, split in zip(axes[1:3], STYLES):
        kl = health.loc[health["split"] == split, LATENTS].to_numpy()
        axis.imshow(kl, cmap="Greys", vmin=0, vmax=4, aspect="auto", interpolation="none")
        for (c, latent), value in np.ndenumerate(kl):
            axis.text(
                latent, c, f"{value:.1f}", ha="center", va="center", fontsize=7, color="w" if value > 2.5 else "k"
            )
        axis.set(title=f"KL divergence, {split} (nats)", xlabel="latent, by its share", xticks=range(LATENT_DIM))
        axis.set_xticklabels(range(1, LATENT_DIM + 1))
        axis.grid(False)
    for split, style in STYLES.items():
        rows = health[health["split"] == split]
        axes[3].plot(rows["reconstruction"], rows["class"], linestyle="none", markersize=5, label=split, **style)
    axes[3].set(xlabel="mean of $\\|x - G(\\mathrm{E}\\,z)\\|^2$\n(squared pixel units)", xlim=(0, None))
    axes[3].legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    save(figure, path)
