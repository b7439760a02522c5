"""Images that the decoders make of latents drawn from the prior: they must be digits."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from analysis_by_synthesis.networks.vae import LATENT_DIM, Decoder
from analysis_by_synthesis.reporting.style import save

SAMPLES = 16


def draw(decoders: Sequence[Decoder], seed: int, path: Path) -> None:
    """A row of samples for each decoder; all decoders get the same latents."""
    latents = torch.randn(SAMPLES, LATENT_DIM, generator=torch.Generator().manual_seed(seed))
    figure, axis = plt.subplots(figsize=(SAMPLES / 2, len(decoders) / 2))
    with torch.no_grad():
        rows = [torch.cat(list(decoder(latents).squeeze(1)), dim=1) for decoder in decoders]
    axis.imshow(torch.cat(rows), cmap="gray", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[14 + 28 * digit for digit in range(len(decoders))], yticklabels=range(len(decoders)))
    axis.set(ylabel="class", title="G(z) for z from the prior")
    axis.grid(False)
    save(figure, path)
