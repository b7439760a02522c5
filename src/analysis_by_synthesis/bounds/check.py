"""Is a bound too large? A search of its own for a latent that takes a smaller perturbation than the bound allows.

A bound holds for all latents of the other classes or for none: one latent z whose exact minimum inside all cuts is smaller
than the bound disproves it. What the bracket has looked at is left aside: candidates have a seed and a number of their own,
starts are chosen against each cut alone and scattered around the latents that the bracket ended at, and what counts at the
end is the minimum by bounds.exact, not that of some mixture. On the CPU, where the solvers are.

The cuts are the bracket's: any other latent of the true class would only make the bound larger.
"""

import time
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.cuts import Bracket, Relaxation, Runs, bracket
from analysis_by_synthesis.bounds.exact import exact_least
from analysis_by_synthesis.bounds.single_perturbation import EPSILON, Energies
from analysis_by_synthesis.distances import Metric
from analysis_by_synthesis.inference import Inference
from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params.bounds import CutSettings
from analysis_by_synthesis.params.bounds_check import CheckSettings

ROUNDING = 1e-6  # relative, of sizes in single precision


@torch.no_grad()
def check_bounds(
    model: ABS, images: Tensor, labels: Tensor, norm: Metric, search: CutSettings, settings: CheckSettings, seed: int
) -> pd.DataFrame:
    """Bound images (N, 1, 28, 28) with labels (N,) and try to disprove it.

    Returns:
        a row for each image that is classified correctly: row (of the N), norm, lower (the bound) and found (the least
        perturbation of the check).
    """
    right = (predict(model, images) == labels).nonzero()[:, 0]
    known = bracket(Recorder(model, images[right], labels[right], norm), search)
    found = least_found(known, settings, search, seed)
    return pd.DataFrame({"row": right.cpu(), "norm": norm, "lower": known.lower.cpu(), "found": found.cpu()})


@torch.no_grad()
def effort_curve(
    model: ABS, images: Tensor, labels: Tensor, norm: Metric, searches: dict[str, CutSettings], settings: CheckSettings
) -> pd.DataFrame:
    """What more effort is worth on images (N, 1, 28, 28) that are classified as their labels (N,), by the check's first seed.

    Returns:
        a row per effort: effort, seconds (of the CPU, for each image), mean_lower, disproved (share of the images whose
        bound the check falls below, by more than rounding) and mean_found (of bounds that have fallen to the check's).
    """
    rows = []
    for effort, search in searches.items():
        began = time.process_time()
        known = bracket(Recorder(model, images, labels, norm), search)
        seconds = (time.process_time() - began) / len(images)
        found = least_found(known, settings, search, settings.seeds[0]).minimum(known.lower)
        disproved = (found < known.lower * (1 - ROUNDING)).float().mean()
        numbers = known.lower.mean(), disproved, found.mean()
        names = "mean_lower", "disproved", "mean_found"
        rows.append({"effort": effort, "seconds": seconds} | {name: n.item() for name, n in zip(names, numbers)})
    return pd.DataFrame(rows)


def least_found(known: Bracket, settings: CheckSettings, search: CutSettings, seed: int) -> Tensor:
    """The least perturbation (N,) inside all of the bracket's cuts that the check finds."""
    found = []
    for n in range(len(known.lower)):
        relaxation = known.relaxation.of(torch.tensor([n], device=known.lower.device))
        size = _least_size(relaxation, known.runs[n : n + 1, :], settings, search, seed)
        found.append(relaxation.perturbations.attainable(size))
    return torch.cat([known.lower.new_zeros(0), *found])


def _least_size(relaxation: Relaxation, known: Runs, settings: CheckSettings, search: CutSettings, seed: int) -> Tensor:
    """The size of the smallest perturbation (1,) inside all cuts that this search finds, for one image.

    Args:
        known: the bracket's runs (1, P).
    """
    model, radius = relaxation.model, search.merge_radius
    candidates = _decoded(model.inference, model, settings.candidates, seed)
    others = [c for c in range(model.inference.classes) if c != relaxation.labels.item()]
    names = "weight_steps", "evaluations", "tolerance", "alternations"
    longer = search.model_copy(update={name: getattr(settings, name) for name in names})

    def begin(parts: list[tuple[Tensor, Tensor]]) -> Runs:
        classes, latents = (torch.cat(together)[None] for together in zip(*parts))
        cuts = relaxation.cuts.constant.shape[1]
        weights = torch.full((1, classes.shape[1], cuts), 1 / cuts)
        return relaxation.step(relaxation.begin(classes, latents, weights, longer), longer)

    def best(c: int, score: Tensor) -> tuple[Tensor, Tensor]:
        chosen = score.topk(settings.starts, largest=False).indices
        return torch.full_like(chosen, c), candidates[c][0][chosen]

    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(settings.scattered, *known.latents.shape[1:], generator=generator)
    scattered = (known.latents[0] + settings.spread * noise.to(known.latents)).flatten(0, 1)
    promising = [best(c, _against_each_cut(relaxation, c, *candidates[c])) for c in others]
    runs = begin([*promising, (known.classes[0].repeat(settings.scattered), scattered)]).smallest_first()
    ends = relaxation.perturbations.x + runs.delta[0, [runs.classes[0].tolist().index(c) for c in others]]
    near = [best(c, _energy(end, *candidates[c])) for c, end in zip(others, ends)]
    runs = Runs.joined(runs, begin(near)).distinct_first(radius).first(4 * settings.runs)
    runs = relaxation.converge(relaxation.step(runs, longer).distinct_first(radius).first(settings.runs), longer)
    runs = Runs.joined(runs, known).distinct_first(radius).first(settings.exact_runs)
    exact = [_solved_exactly(relaxation, runs[:, p : p + 1], settings) for p in range(runs.size.shape[1])]
    return runs.size.new_tensor([min(exact)])


def _solved_exactly(relaxation: Relaxation, run: Runs, settings: CheckSettings) -> float:
    """The least minimum inside all cuts of one run (1, 1): delta and latent in turn, until it stops falling."""
    inference, perturbations = relaxation.model.inference, relaxation.perturbations
    latents, least = run.latents[0], np.inf
    for _ in range(settings.alternations):
        half_spaces = relaxation.energies(run.classes, latents[None]) - relaxation.cuts
        size, delta = exact_least(perturbations, Energies(half_spaces.constant[0], half_spaces.slope[0]))
        if not size < least * (1 - settings.tolerance):
            break
        least = size
        x = (perturbations.x + torch.from_numpy(delta).to(latents)).view_as(perturbations.observed)
        _, latents = inference.refine(x, run.classes[0], latents, settings.evaluations)
    return min(least, size)


def _energy(x: Tensor, latents: Tensor, decoded: Tensor) -> Tensor:
    """E(z; x) (K,) of latents (K, 8) and their images (K, 784) for x (784,) or (1, 784)."""
    return (decoded - x).square().sum(1) + latents.square().sum(1) / 2


def _against_each_cut(relaxation: Relaxation, c: int, latents: Tensor, decoded: Tensor) -> Tensor:
    """constant / ||slope||_q of candidates (K,) of class c against the cut that makes it largest."""
    perturbations, gamma = relaxation.perturbations, relaxation.model.gamma[c]
    theirs = gamma * _energy(perturbations.x, latents, decoded) + relaxation.model.offset[c]
    needed = (theirs[:, None] - relaxation.cuts.constant).clamp_min(0)
    order = {"linf": 1.0, "l2": 2.0}.get(perturbations.norm, torch.inf)
    steepness = 2 * gamma * torch.cdist(decoded, 0.5 + relaxation.cuts.slope[0] / (2 * gamma), p=order)
    return (needed / steepness.clamp_min(EPSILON)).amax(1)


@lru_cache(maxsize=1)
def _decoded(inference: Inference, model: ABS, number: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Candidates (K, 8) of each class, unlikely ones too, where those of inference are missing; and their images (K, 784)."""
    all_kept = {"candidates": number, "seed": seed, "dismissed": 0.0}
    draws = candidate_latents(model.settings.model_copy(update=all_kept), inference.latent_dim)
    draws = draws.to(inference.candidates)
    parts = draws.split(1000)
    return [
        (draws, torch.cat([inference.decode(c, part).flatten(1) for part in parts])) for c in range(inference.classes)
    ]


@torch.no_grad()
def check_arbiter(model: ABS, images: Tensor, labels: Tensor, settings: CheckSettings, seed: int) -> pd.DataFrame:
    """By how much a search from other candidates gets below the arbiter's gamma D, at images (N, 1, 28, 28) themselves.

    Returns:
        a row for each image: row, own (of the true class) and rival (of the likeliest other one); 0 where it doesn't.
    """
    inference, x = model.inference, model.observe(images)
    arbiter = model.gamma * inference.infer(x, model.gamma, "arbiter").distance
    least = torch.full_like(arbiter, torch.inf)
    for c, (candidates, decoded) in enumerate(_decoded(inference, model, settings.candidates, seed)):
        energy = torch.cdist(x.flatten(1), decoded).square() + candidates.square().sum(1) / 2
        start = candidates[energy.topk(settings.starts, largest=False).indices].flatten(0, 1)
        of_class = torch.full((len(start),), c, device=x.device)
        repeated = x.repeat_interleave(settings.starts, 0)
        value, _ = inference.refine(repeated, of_class, start, 4 * settings.evaluations)
        least[:, c] = model.gamma[c] * value.view(len(x), settings.starts).amin(1)

    def own_and_rival(distance: Tensor) -> tuple[Tensor, Tensor]:
        return distance.gather(1, labels[:, None])[:, 0], distance.scatter(1, labels[:, None], torch.inf).amin(1)

    own, rival = ((a - b).clamp_min(0).cpu() for a, b in zip(own_and_rival(arbiter), own_and_rival(least)))
    return pd.DataFrame({"row": range(len(x)), "own": own, "rival": rival})
