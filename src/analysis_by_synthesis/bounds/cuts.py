"""Cutting planes: lower bounds that grow, and adversarials that come nearer, until they meet.

Replace the true class's decoder by finitely many of its latents, the cuts. That makes the class weaker, so the robustness
of what is left bounds that of ABS from below; with one cut it is the bound of bounds.single_perturbation.
It is the value of a game: for a latent z of another class the attacker picks the smallest delta inside all half-spaces,
and by duality it is the largest bound from any mixture of them. Whatever mixture is found, the bound holds.

Two facts make the minimum over z cheap to search for, in any norm:

* Given delta, the best z is that of ordinary inference at x + delta: what else the half-spaces depend on isn't a function
  of z. And delta remains possible for a better z. So delta and z in turn never raise the bound.
* If inference at x + delta finds another latent of the true class, that one is a new cut, and delta is cut off. If it
  finds none, delta leads to an adversarial: the bound is exact.
"""

from copy import copy
from dataclasses import dataclass, fields
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.bounds.single_perturbation import Energies, Perturbations, Stretched, perturbations
from analysis_by_synthesis.bounds.starts import smallest
from analysis_by_synthesis.inference.engine import Runs as Searches
from analysis_by_synthesis.models.abs import ABS, with_latents
from analysis_by_synthesis.params.bounds import CutSettings

LEAST_WEIGHT = 1e-3  # of a cut, so that it can come back


@dataclass(frozen=True)
class Runs:
    """P searches for the latent of another class that takes the smallest perturbation, for each of N images.

    Attributes:
        classes: (N, P).
        latents: (N, P, 8).
        inverse_hessian: of E in the latents, as BFGS knows it (N, P, L, L).
        weights: of the J cuts (N, P, J), their sum is 1.
        size: of the smallest perturbation in the mixture of the half-spaces (N, P).
        delta: this perturbation (N, P, D).
    """

    classes: Tensor
    latents: Tensor
    inverse_hessian: Tensor
    weights: Tensor
    size: Tensor
    delta: Tensor

    def smallest_first(self) -> "Runs":
        order = self.size.argsort(dim=1, stable=True)
        return self[torch.arange(len(order), device=order.device)[:, None], order]

    def distinct_first(self, same: float) -> "Runs":
        """Smallest first, but those go last that are closer than `same` to a smaller one of their class."""
        runs = self.smallest_first()
        near = (runs.classes[:, :, None] == runs.classes[:, None]) & (torch.cdist(runs.latents, runs.latents) < same)
        order = near.tril(-1).any(2).long().argsort(dim=1, stable=True)
        return runs[torch.arange(len(order), device=order.device)[:, None], order]

    def first(self, number: int) -> "Runs":
        return Runs(*(getattr(self, field.name)[:, :number] for field in fields(self)))

    def __getitem__(self, index: Tensor | slice | tuple[Tensor | slice, Tensor | slice]) -> "Runs":
        return Runs(*(getattr(self, field.name)[index] for field in fields(self)))

    def apart(self) -> "Runs":
        """A copy of the N * P runs, each as that of an image of its own."""
        return Runs(*(getattr(self, field.name).flatten(0, 1)[:, None].clone() for field in fields(self)))

    def together(self, shape: torch.Size) -> "Runs":
        """The inverse of `apart`, for the shape (N, P)."""
        return Runs(*(getattr(self, field.name)[:, 0].unflatten(0, shape) for field in fields(self)))

    @staticmethod
    def joined(runs: "Runs", others: "Runs") -> "Runs":
        return Runs(*(torch.cat([getattr(r, field.name) for r in (runs, others)], 1) for field in fields(runs)))


class Relaxation:
    """N images whose true class has but a few latents; first, those that are optimal for the images.

    Args:
        model: whose decoders, inference and gamma count.
        perturbations: of the images.
        labels: true classes (N,).
    """

    def __init__(self, model: ABS, perturbations: Perturbations, labels: Tensor) -> None:
        self.model, self.perturbations, self.labels = model, perturbations, labels
        _, latents = model.inference.infer(perturbations.observed, model.gamma)
        own = latents[torch.arange(len(labels), device=labels.device), labels]
        self.cuts = self.energies(labels[:, None], own[:, None])

    def energies(self, classes: Tensor, latents: Tensor) -> Energies:
        """Of latents (N, P, L) of classes (N, P)."""
        images = self.model.inference.decode(classes.flatten(), latents.flatten(0, 1)).flatten(1)
        gamma = self.model.gamma[classes]
        found = Energies.of(images.unflatten(0, classes.shape), latents, gamma, self.perturbations.x[:, None])
        return Energies(found.constant + self.model.offset[classes], found.slope)

    def mixture(self, weights: Tensor) -> Energies:
        """Of the cuts, with weights (N, P, J)."""
        return Energies((weights @ self.cuts.constant[:, :, None])[..., 0], weights @ self.cuts.slope)

    def half_space(self, runs: Runs) -> Energies:
        """What the mixture of the cuts leaves to each run."""
        return self.energies(runs.classes, runs.latents) - self.mixture(runs.weights)

    def with_first_cut(self, runs: Runs) -> Tensor:
        """The sizes of perturbations (N, P) that the first cut alone would leave to the runs."""
        first = Energies(self.cuts.constant[:, :1], self.cuts.slope[:, :1])
        return self.perturbations.least(self.energies(runs.classes, runs.latents) - first)[0]

    def cut(self, latents: Tensor) -> None:
        """Give the true class one more latent (N, 8)."""
        new = self.energies(self.labels[:, None], latents[:, None])
        constant = torch.cat([self.cuts.constant, new.constant], 1)
        self.cuts = Energies(constant, torch.cat([self.cuts.slope, new.slope], 1))

    def of(self, rows: Tensor) -> "Relaxation":
        """That of the images rows (R,)."""
        chosen = copy(self)
        chosen.perturbations, chosen.labels = self.perturbations.of(rows), self.labels[rows]
        chosen.cuts = Energies(self.cuts.constant[rows], self.cuts.slope[rows])
        return chosen

    def search_all(self, runs: Runs, settings: CutSettings) -> Runs:
        """Search all classes anew for the cuts that there are now, beside the runs; smallest first, converged."""

        def chosen(runs: Runs, *others: Runs, number: int) -> Runs:
            return reduce(Runs.joined, others, runs).distinct_first(settings.merge_radius).first(number)

        runs = Runs.joined(runs, self.search(runs.weights[:, 0], settings)).smallest_first()
        runs = chosen(runs, self.search_nearby(runs, settings), number=2 * settings.runs)
        runs = self.converge(chosen(self.step(runs, settings), number=settings.runs), settings)
        around = chosen(self.search_around(runs.first(settings.final_runs), settings), number=settings.final_runs)
        runs = chosen(runs, self.converge(around, settings), number=settings.runs)
        finer = settings.deciding()
        runs = self.weigh(runs.classes, runs.latents, runs.inverse_hessian, runs.weights, finer).smallest_first()
        finished = self.converge(runs.first(settings.final_runs), finer)
        return Runs.joined(finished, runs[:, settings.final_runs :]).smallest_first()

    def search(self, weights: Tensor, settings: CutSettings) -> Runs:
        """New runs from the candidates that need the smallest perturbations, after one look at each.

        Args:
            weights: of the cuts (N, J), against which the candidates are measured.
        """
        own, model = self.mixture(weights[:, None]), self.model
        small = smallest(self.perturbations, own, self.labels, model.inference, model.gamma, model.offset, settings)
        mixed = weights[:, None].expand(-1, settings.starts, -1)
        return self.step(self.begin(*small, mixed, settings), settings)

    def search_nearby(self, runs: Runs, settings: CutSettings) -> Runs:
        """New runs from where inference for a class sets out at the end of that class's smallest perturbation."""
        inference, x = self.model.inference, self.perturbations.observed
        c = torch.arange(inference.classes, device=x.device)
        size = runs.size[:, None].masked_fill(runs.classes[:, None] != c[:, None], torch.inf)
        smallest_of_class = size.argmin(2)[:, :, None].expand(-1, -1, runs.delta.shape[2])
        ends = x[:, None] + runs.delta.gather(1, smallest_of_class).unflatten(2, x.shape[1:])
        starts = inference.starts(ends.flatten(0, 1), settings.nearest_starts)
        classes, latents = self._of_others(starts.unflatten(0, ends.shape[:2])[:, c, c])
        mixed = runs.weights[:, :1].expand(-1, classes.shape[1], -1)
        return self.step(self.begin(classes, latents, mixed, settings), settings)

    def search_around(self, runs: Runs, settings: CutSettings) -> Runs:
        """New runs scattered around the latents of runs (N, P), the same way for every image."""
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(*runs.latents.shape[1:2], settings.scattered, runs.latents.shape[2], generator=generator)
        latents = (runs.latents[:, :, None] + settings.spread * noise.to(runs.latents)).flatten(1, 2)
        classes, weights = (t.repeat_interleave(settings.scattered, 1) for t in (runs.classes, runs.weights))
        return self.step(self.begin(classes, latents, weights, settings), settings)

    def begin(self, classes: Tensor, latents: Tensor, weights: Tensor, settings: CutSettings) -> Runs:
        """Runs at latents (N, P, L) of classes (N, P), with weights of the cuts (N, P, J)."""
        jacobian = self.model.inference.jacobian(classes.flatten(), latents.flatten(0, 1))
        hessian = 2 * jacobian.mT @ jacobian + torch.eye(latents.shape[2], device=latents.device)
        inverse = torch.linalg.inv(hessian).unflatten(0, classes.shape)
        return self.weigh(classes, latents, inverse, weights, settings)

    def converge(self, runs: Runs, settings: CutSettings) -> Runs:
        """Follow runs until delta and z stop moving; smallest first."""
        shape, runs = runs.size.shape, runs.apart()
        image = torch.arange(shape[0], device=runs.size.device).repeat_interleave(shape[1])
        moving = torch.arange(len(image), device=image.device)
        for _ in range(settings.alternations):
            before = runs[moving]
            after = self.of(image[moving]).step(before, settings)
            for field in fields(runs):
                getattr(runs, field.name)[moving] = getattr(after, field.name)
            change = (after.size - before.size).abs() > settings.tolerance * before.size
            moving = moving[change[:, 0]]
            if not len(moving):
                break
        return runs.together(shape).smallest_first()

    def _of_others(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (N, C, S, L) but for those of the true class: the classes (N, P), and the latents (N, P, L)."""
        n, classes, starts, _ = latents.shape
        others = torch.arange(classes, device=latents.device) != self.labels[:, None]
        named = others.nonzero()[:, 1].view(n, classes - 1).repeat_interleave(starts, 1)
        return named, latents[others].view(*named.shape, latents.shape[-1])

    def resume(self, runs: Runs, classes: Tensor, latents: Tensor, settings: CutSettings) -> Runs:
        """Go on after a cut, with more runs for each image, of classes (N, R) from latents (N, R, 8); smallest first."""
        new = 1 / self.cuts.constant.shape[1]  # the weight of the latest cut
        weights = pad(runs.weights * (1 - new), (0, 1), value=new)
        added = self.begin(classes, latents, weights[:, :1].expand(-1, classes.shape[1], -1), settings)
        runs = self.weigh(runs.classes, runs.latents, runs.inverse_hessian, weights, settings)
        return self.step(Runs.joined(runs, added), settings).smallest_first()

    def step(self, runs: Runs, settings: CutSettings) -> Runs:
        """z for the present delta, and delta for that z."""
        x = (self.perturbations.x[:, None] + runs.delta).view(-1, *self.perturbations.observed.shape[1:])
        start = Searches.at(runs.latents.flatten(0, 1), runs.size.flatten(), runs.inverse_hessian.flatten(0, 1))
        image, classes = torch.arange(len(x), device=x.device), runs.classes.flatten()
        end = self.model.inference.bfgs(x, image, classes, start, settings.evaluations)
        latents, inverse_hessian = end.latent.view_as(runs.latents), end.inverse_hessian.view_as(runs.inverse_hessian)
        return self.weigh(runs.classes, latents, inverse_hessian, runs.weights, settings)

    def weigh(
        self, classes: Tensor, latents: Tensor, inverse_hessian: Tensor, weights: Tensor, settings: CutSettings
    ) -> Runs:
        """Mix the cuts against latents (N, P, L), by multiplicative weights; of all mixtures on the way, the best.

        A cut that explains x + delta better than the others gains weight. Steps shorten: where the size has kinks, as it has if
        pixels are chosen, steps of one length never settle.
        """
        energies = self.energies(classes, latents)

        def weighed(weights: Tensor) -> Runs:
            size, delta = self.perturbations.least(energies - self.mixture(weights))
            return Runs(classes, latents, inverse_hessian, weights, size, delta)

        best = runs = weighed(weights)
        steps = settings.weight_steps - 1 if weights.shape[-1] > 1 else 0
        for step in range(steps):
            rate = settings.weight_rate * (1 - step / steps)
            explained = self.cuts.constant[:, None] - runs.delta @ self.cuts.slope.mT
            runs = weighed((runs.weights.clamp_min(LEAST_WEIGHT).log() - rate * explained).softmax(-1))
            best = _larger(runs, best)
        return best


def _larger(a: Runs, b: Runs) -> Runs:
    """Of two runs of the same latents, the one with the larger bound."""
    larger = a.size > b.size
    weights, delta = (torch.where(larger[..., None], *pair) for pair in ((a.weights, b.weights), (a.delta, b.delta)))
    return Runs(a.classes, a.latents, a.inverse_hessian, weights, torch.where(larger, a.size, b.size), delta)


@dataclass(frozen=True)
class Bracket:
    """Lower bounds for N images; the upper ones are the recorder's.

    Attributes:
        single: with one cut (N,).
        lower: with all cuts (N,).
        runs: the searches that were kept, smallest first.
        relaxation: with all cuts.
    """

    single: Tensor
    lower: Tensor
    runs: Runs
    relaxation: Relaxation


def bracket(recorder: Recorder, settings: CutSettings) -> Bracket:
    """Close in on the robustness of the recorder's images, in its norm: from below, and from above by attacking.

    In each round the most dangerous run is attacked, and what inference finds where the attack ends joins in: the true
    class's latent as a cut, those of the likeliest other classes as runs. After the last cut the candidates are searched anew.
    """
    model, images, labels = with_latents(recorder.latent_model), recorder.images, recorder.labels
    n = torch.arange(len(labels), device=labels.device)
    allowed = perturbations(model, images, recorder.norm)
    relaxation = Relaxation(model, allowed, labels)
    opening = settings.opening()
    runs = relaxation.search(torch.ones_like(allowed.x[:, :1]), opening)
    runs = relaxation.step(runs.distinct_first(opening.merge_radius).first(opening.runs), opening).smallest_first()
    single = runs.size[:, 0]
    for _ in range(settings.rounds):
        x = attack(recorder, relaxation, runs.first(1), settings)
        distance, latents = model.inference.infer(model.observe(x), model.gamma)
        relaxation.cut(latents[n, labels])
        others = (model.gamma * distance + model.offset).scatter(1, labels[:, None], torch.inf)
        rivals = others.topk(min(settings.new_runs, others.shape[1] - 1), largest=False).indices
        runs = relaxation.resume(runs, rivals, latents[n[:, None], rivals], settings)
    runs = relaxation.search_all(runs, settings)
    single = single.minimum(relaxation.with_first_cut(runs).amin(1)).minimum(runs.size[:, 0])
    single, lower = (allowed.attainable((1 - settings.slack) * size) for size in (single, runs.size[:, 0]))
    return Bracket(single, lower, runs, relaxation)


def attack(recorder: Recorder, relaxation: Relaxation, worst: Runs, settings: CutSettings) -> Tensor:
    """Go deeper into the half-space of one run (N, 1) until the model is fooled, and bisect that depth.

    Returns:
        the images where this begins (N, 1, 28, 28), or the deepest ones tried.
    """
    allowed = relaxation.perturbations
    half_space = relaxation.half_space(worst)

    def at(depth: Tensor) -> Tensor:
        _, delta = allowed.least(Energies(depth[:, None] * half_space.constant, half_space.slope))
        return allowed.perturbed(delta[:, 0])

    low = torch.ones_like(worst.size[:, 0])
    high = (recorder.best_distance / worst.size[:, 0]).clamp(1, settings.attack_depth)
    for _ in range(settings.bisections):
        middle = (low + high) / 2
        fooled = recorder.is_adversarial(at(middle))
        low, high = torch.where(fooled, low, middle), torch.where(fooled, middle, high)
    return at(high)


def single_without_box(found: Bracket, settings: CutSettings) -> Tensor:
    """The bound of one cut for ABS and L2 or Linf where images may leave [0, 1] (N,), searched from the bracket's runs."""
    boxed, runs = found.relaxation.perturbations, found.runs
    free = Stretched(boxed.images, boxed.observed, boxed.norm, box=False)
    relaxation = Relaxation(found.relaxation.model, free, found.relaxation.labels)
    first = torch.ones_like(runs.weights[:, :, :1])
    runs = relaxation.weigh(runs.classes, runs.latents, runs.inverse_hessian, first, settings)
    runs = relaxation.converge(runs, settings)
    return (1 - settings.slack) * runs.size[:, 0]
