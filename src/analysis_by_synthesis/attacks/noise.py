"""Noise of growing density, as an attack of its own and as the start of others."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder


def salt_and_pepper(recorder: Recorder, images: Tensor, levels: int) -> Tensor:
    """Raise the density of the noise until each image is misclassified.

    Returns:
        the first misclassified image of each sample (N, 1, 28, 28); the clean one where there is none.
    """
    found = images.clone()
    rows = torch.arange(len(images), device=images.device)
    for level in range(1, levels + 1):
        uniform = torch.rand(images.shape).to(images.device)[rows]
        density = level / levels
        noisy = images[rows].masked_fill(uniform < density / 2, 0).masked_fill(uniform > 1 - density / 2, 1)
        adversarial = recorder.is_adversarial(noisy, rows)
        found[rows[adversarial]] = noisy[adversarial]
        rows = rows[~adversarial]
        if len(rows) == 0:
            break
    return found
