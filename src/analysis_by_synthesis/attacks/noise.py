"""Salt-and-pepper noise of growing density, as an attack of its own and as the start of others."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.distances import distance


def salt_and_pepper(recorder: Recorder, levels: int, repetitions: int, density_factor: float) -> Tensor:
    """Raise the density of the noise until each image is misclassified, several times, as Foolbox 1.3 does.

    A repetition asks only about images that are closer than the best that an earlier one has found, in the recorder's norm.

    Args:
        levels: densities that a repetition tries, evenly spaced.
        density_factor: the next repetition ends at this multiple of the density that has succeeded.

    Returns:
        the closest misclassified image of each sample (N, 1, 28, 28), the clean one where there is none.
    """
    images = recorder.images
    found, shortest = images.clone(), images.new_full((len(images),), torch.inf)
    highest = torch.ones_like(shortest)
    for _ in range(repetitions):
        rows = torch.arange(len(images), device=images.device)
        for level in range(1, levels + 1):
            uniform = torch.rand(images.shape).to(images.device)[rows]
            density = highest[rows] * level / levels
            half = density[:, None, None, None] / 2
            noisy = torch.where(uniform < half, 0, torch.where(uniform >= 1 - half, 1, images[rows]))
            away = distance(noisy, images[rows], recorder.norm)
            hit = (away > 0) & (away < shortest[rows])
            if hit.any():
                hit[hit.clone()] = recorder.is_adversarial(noisy[hit], rows[hit])
            found[rows[hit]], shortest[rows[hit]] = noisy[hit], away[hit].to(shortest.dtype)
            highest[rows[hit]] = (density_factor * density[hit]).clamp(max=1)
            rows = rows[~hit]
            if len(rows) == 0:
                break
    return found
