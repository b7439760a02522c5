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
from torch.nn.functional import pad

from analysis_by_synthesis.bounds.single_perturbation import EPSILON, Energies, Perturbations
from analysis_by_synthesis.inference import Inference
from analysis_by_synthesis.params.bounds import CutSettings

DECODED_AT_ONCE = 1000
GROUP = 16  # images whose products are taken together


@lru_cache(maxsize=1)
@torch.no_grad()
def candidates(inference: Inference, factor: float) -> tuple[Tensor, Tensor]:
    """Those of the inference, and all of them again, farther out by `factor`.

    Returns:
        latents (K, L), and what all classes make of them (C, K, 784), decoded once: in seconds, 500 MB for 16,000.
    """
    latents = torch.cat([inference.candidates, factor * inference.candidates])

    def decoded(c: int) -> Tensor:
        return torch.cat([inference.decode(c, part).flatten(1) for part in latents.split(DECODED_AT_ONCE)])

    return latents, torch.stack([decoded(c) for c in range(inference.classes)])


def smallest(
    perturbations: Perturbations,
    own: Energies,
    labels: Tensor,
    inference: Inference,
    gamma: Tensor,
    offset: Tensor,
    settings: CutSettings,
) -> tuple[Tensor, Tensor]:
    """The candidates that take the smallest perturbations away from the true class's `own` energies (N, 1).

    Args:
        labels: true classes (N,).
        gamma, offset: of the classes (C,).

    Returns:
        classes (N, starts) and latents (N, starts, L).
    """
    (latents, decoded), x = candidates(inference, settings.outer_factor), perturbations.x
    measured, which, each = [], [], settings.starts_per_class
    for c, images in enumerate(decoded):
        centre = 0.5 + own.slope[:, 0] / (2 * gamma[c])  # slope = 2 gamma (G - centre)
        square = images.square().sum(1)
        energy = square + latents.square().sum(1) / 2 - 2 * _products(x, images) + x.square().sum(1, keepdim=True)
        needed = (gamma[c] * energy + offset[c] - own.constant).clamp_min(0)
        if perturbations.norm == "linf":
            steepness = torch.cdist(centre, images, p=1)
        else:  # what counts in L0 are the largest gains, and these in L2 too
            steepness = square - 2 * _products(centre, images) + centre.square().sum(1, keepdim=True)
            steepness = steepness.clamp_min(EPSILON).sqrt()
        promising = (needed / steepness.clamp_min(EPSILON)).topk(settings.screened, largest=False).indices
        theirs = Energies.of(images[promising], latents[promising], gamma[c].expand_as(promising), x[:, None])
        theirs = Energies(theirs.constant + offset[c], theirs.slope)
        size, _ = perturbations.least(theirs - own)
        size, order = size.masked_fill((labels == c)[:, None], torch.inf).sort(dim=1)
        size[:, :each] = torch.where(size[:, :each] < torch.inf, 0, torch.inf)
        measured.append(size)
        which.append(promising.gather(1, order))
    chosen = torch.cat(measured, 1).topk(settings.starts, largest=False).indices
    return chosen // settings.screened, latents[torch.cat(which, 1).gather(1, chosen)]


def _products(x: Tensor, images: Tensor) -> Tensor:
    """x (N, 784) times images (K, 784), as (N, K); in groups of one size, so that rounding can't depend on N."""
    groups = pad(x, (0, 0, 0, -len(x) % GROUP)).split(GROUP)
    return torch.cat([group @ images.T for group in groups])[: len(x)]
