"""Noise of growing density, as an attack of its own and as the start of others."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder


def salt_and_pepper(recorder: Recorder, levels: int, density_factor: float, highest: Tensor) -> tuple[Tensor, Tensor]:
    """Raise the density of the noise until each image is misclassified.

    Args:
        levels: densities tried, evenly spaced up to each sample's `highest` (N,).
        density_factor: where the next try has to end, relative to the density that succeeded.

    Returns:
        the first misclassified image of each sample (N, 1, 28, 28), the clean one where there is none, and the highest
        density for the next try (N,).
    """
    images = recorder.images
    found, narrowed = images.clone(), highest.clone()
    rows = torch.arange(len(images), device=images.device)
    for level in range(1, levels + 1):
        uniform = torch.rand(images.shape).to(images.device)[rows]
        density = (highest[rows] * level / levels)[:, None, None, None]
        noisy = torch.where(uniform < density / 2, 0, torch.where(uniform > 1 - density / 2, 1, images[rows]))
        adversarial = recorder.is_adversarial(noisy, rows)
        found[rows[adversarial]] = noisy[adversarial]
        narrowed[rows[adversarial]] = (density_factor * density[adversarial].flatten()).clamp(max=1)
        rows = rows[~adversarial]
        if len(rows) == 0:
            break
    return found, narrowed
