"""The latents among which every search looks for its start."""

import torch
from torch import Tensor

from analysis_by_synthesis.params.inference import InferenceSettings


def candidate_latents(settings: InferenceSettings, latent_dim: int) -> Tensor:
    """Draw candidates / (1 - dismissed) latents from N(0, I) and keep the likeliest.

    Returns:
        (candidates, latent_dim), float32, the same for all classes.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    number = int(settings.candidates / (1 - settings.dismissed))
    draws = torch.randn(number, latent_dim, generator=generator, dtype=torch.float32)
    likeliest = draws.square().sum(1).argsort(stable=True)[: settings.candidates]
    return draws[likeliest.sort().values]
