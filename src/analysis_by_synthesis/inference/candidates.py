"""The latents among which every search looks for its start."""

import torch
from torch import Tensor

from analysis_by_synthesis.networks.vae import LATENT_DIM
from analysis_by_synthesis.params.inference import InferenceSettings


def candidate_latents(settings: InferenceSettings) -> Tensor:
    """Draw candidates / (1 - dismissed) latents from N(0, I) and keep the likeliest.

    Returns:
        (candidates, 8), the same for all classes.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    draws = torch.randn(int(settings.candidates / (1 - settings.dismissed)), LATENT_DIM, generator=generator)
    likeliest = draws.square().sum(1).argsort(stable=True)[: settings.candidates]
    return draws[likeliest.sort().values]
