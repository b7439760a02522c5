"""Where the searches over z begin: at the candidates whose perturbations are the smallest.

A candidate z of class c leaves the half-space slope . delta >= constant, with constant = e_c(z) - e_y and slope =
A_c(z) - A_y (bounds.single_perturbation). Without the pixel box its smallest perturbation would have the size
constant / ||slope||_q. That orders all candidates well, at the cost of two products with the decoded images, and the most
promising ones of each class are then measured exactly. Candidates that explain x itself best (least e_c), where an
inference begins, are others: a large ||slope|| makes up for a large e_c.
"""

from functools import lru_cache

import torch
from torch import Tensor

from analysis_by_synthesis.bounds.single_perturbation import EPSILON, Energies, Perturbations
from analysis_by_synthesis.inference import Inference

DECODED_AT_ONCE = 1000


@lru_cache(maxsize=1)
@torch.no_grad()
def candidate_images(inference: Inference) -> Tensor:
    """The decoded candidates of all classes (C, K, 784); decoded once, which takes seconds and 250 MB for 8,000."""

    def decoded(c: int) -> Tensor:
        return torch.cat([inference.decode(c, part).flatten(1) for part in inference.candidates.split(DECODED_AT_ONCE)])

    return torch.stack([decoded(c) for c in range(inference.classes)])


def smallest(
    perturbations: Perturbations, own: Energies, inference: Inference, gamma: Tensor, screened: int, number: int
) -> Tensor:
    """The candidates that take the smallest perturbations away from the true class's `own` energies (N, 1).

    Args:
        gamma: of the classes (C,).
        screened: candidates of each class that are measured exactly.
        number: how many of each class are wanted.

    Returns:
        latents (N, C, number, 8), best first.
    """
    latents, x = inference.candidates, perturbations.x
    order = 1 if perturbations.norm == "linf" else 2  # Linf by its dual; what counts in L0 are the largest gains
    chosen = []
    for c, images in enumerate(candidate_images(inference)):
        square, prior = images.square().sum(1), latents.square().sum(1) / 2
        promising = []
        for n in range(len(x)):  # one by one, so that rounding can't depend on the other images
            energy = square - 2 * images @ x[n] + x[n].square().sum() + prior
            needed = (gamma[c] * energy - own.constant[n]).clamp_min(0)
            centre = 0.5 + own.slope[n, 0] / (2 * gamma[c])  # slope = 2 gamma (G - centre)
            if order == 1:
                steepness = torch.cdist(images, centre[None], p=1)[:, 0]
            else:
                steepness = (square - 2 * images @ centre + centre.square().sum()).clamp_min(EPSILON).sqrt()
            promising.append((needed / steepness.clamp_min(EPSILON)).topk(screened, largest=False).indices)
        promising = torch.stack(promising)
        theirs = Energies.of(images[promising], latents[promising], gamma[c].expand_as(promising), x[:, None])
        size, _ = perturbations.least(theirs - own)
        best = promising.gather(1, size.topk(number, largest=False).indices)
        chosen.append(latents[best])
    return torch.stack(chosen, 1)
