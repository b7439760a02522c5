"""Small searches on decoders that nobody had to train: smooth, and different for each class."""

import math
from pathlib import Path

import torch
import yaml
from torch import Tensor

from analysis_by_synthesis.networks.vae import LATENT_DIM, VAEDecoder
from analysis_by_synthesis.params.inference import InferenceSettings

PARAMS = Path(__file__).parents[1] / "params.yaml"


def toy_settings(**changes) -> InferenceSettings:
    """The project's own settings with few candidates and a shorter arbiter."""
    settings = yaml.safe_load(PARAMS.read_text())["models"]["abs"]["inference"]
    arbiter = [
        {"starts": 4, "evaluations": 8, "margin": math.inf, "decrease_weight": 0.0},
        {"starts": 1, "evaluations": 12, "margin": math.inf, "decrease_weight": 0.0},
    ]
    following = settings["following"] | {"restart_distance": 1.0}  # toy digits are closer to one another
    return InferenceSettings(**settings | {"candidates": 500, "arbiter": arbiter, "following": following} | changes)


def toy_decoders(classes: int, active_latents: int = LATENT_DIM) -> list[VAEDecoder]:
    """Random decoders whose images vary as much as digits do; only the first latents have any influence."""
    decoders = []
    for c in range(classes):
        torch.manual_seed(c)
        decoder = VAEDecoder().eval().requires_grad_(False)
        for i in range(4):
            getattr(decoder, f"conv_{i}").weight *= 2.5
            getattr(decoder, f"conv_{i}").bias.normal_(std=0.3)
        for i in range(3):
            norm = getattr(decoder, f"bn_{i}")
            norm.running_mean.normal_(std=0.1)
            norm.running_var.uniform_(0.5, 1.5)
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.1)
        decoder.conv_0.weight[active_latents:] = 0
        decoders.append(decoder)
    return decoders


def toy_images(decoders: list[VAEDecoder], each: int, noise: float = 0.1) -> Tensor:
    """Noisy images of every class (classes * each, 1, 28, 28)."""
    generator = torch.Generator().manual_seed(0)
    images = torch.cat([decoder(torch.randn(each, LATENT_DIM, generator=generator)) for decoder in decoders])
    return (images + noise * torch.randn(images.shape, generator=generator)).clamp(0, 1)
