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

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import pad

from analysis_by_synthesis.bounds.single_perturbation import Energies, Perturbations, Stretched, perturbations
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.inference import Inference
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.vae import LATENT_DIM
from analysis_by_synthesis.params import Block, Count, Positive, Share

LEAST_WEIGHT = 1e-6  # of a cut, so that it can come back


class CutSettings(Block):
    """How the bounds are searched for.

    Args: starts: of the search over z, for each class; restarts: of that search where sizes come in steps; alternations:
    of delta and z in each round; evaluations: of the gradient in each of these; kept: runs that go on, of all classes;
    rounds: cuts, one at a time; weighings, rate: steps towards the best mixture of cuts; reach: how much deeper than the
    half-space an attack goes; bisections: of that depth; slack: share by which bounds are lowered, for what the searches
    over z lack of convergence.
    """

    starts: Count
    restarts: Count
    alternations: Count
    evaluations: Count
    kept: Count
    rounds: Count
    weighings: Count
    rate: Positive
    reach: Positive
    bisections: Count
    slack: Share


@dataclass(frozen=True)
class Runs:
    """P searches for the latent of another class that takes the smallest perturbation, for each of N images.

    Attributes:
        classes: (N, P).
        latents: (N, P, 8).
        weights: of the J cuts (N, P, J), their sum is 1.
        size: of the smallest perturbation in the mixture of the half-spaces (N, P).
        delta: this perturbation (N, P, 784).
    """

    classes: Tensor
    latents: Tensor
    weights: Tensor
    size: Tensor
    delta: Tensor

    def smallest_first(self) -> "Runs":
        order = self.size.argsort(1)
        n = torch.arange(len(order), device=order.device)[:, None]
        return Runs(*(getattr(self, field.name)[n, order] for field in fields(self)))

    def first(self, number: int) -> "Runs":
        return Runs(*(getattr(self, field.name)[:, :number] for field in fields(self)))


class Relaxation:
    """N images whose true class has but a few latents; first, those that are optimal for the images.

    Args:
        model: whose decoders, inference and gamma count.
        perturbations: of the images.
        labels: true classes (N,).
    """

    def __init__(self, model: ABS, perturbations: Perturbations, labels: Tensor) -> None:
        self.model, self.perturbations, self.labels = model, perturbations, labels
        _, latents = model.inference.minimum(perturbations.observed, model.gamma)
        own = latents[torch.arange(len(labels), device=labels.device), labels]
        self.cuts = self.energies(labels[:, None], own[:, None])

    def energies(self, classes: Tensor, latents: Tensor) -> Energies:
        """Of latents (N, P, 8) of classes (N, P)."""
        images = self.model.inference.decode(classes.flatten(), latents.flatten(0, 1)).flatten(1)
        gamma = self.model.gamma[classes]
        return Energies.of(images.unflatten(0, classes.shape), latents, gamma, self.perturbations.x[:, None])

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

    def search(self, inference: Inference, starts: int, settings: CutSettings) -> Runs:
        """Runs of all other classes, each from its best `starts` candidates of an inference; smallest first."""
        classes, latents = self._of_others(inference.starts(self.perturbations.observed, starts))
        return self.restarted(self.descend(classes, latents, None, settings), inference, starts, settings)

    def restarted(self, runs: Runs, inference: Inference, starts: int, settings: CutSettings) -> Runs:
        """More runs where sizes come in steps, so that delta and z in turn soon get stuck; nothing to do elsewhere."""
        for _ in range(settings.restarts if self.perturbations.stepwise else 0):
            classes, latents = self._promising(runs, inference, starts, settings)
            weights = runs.weights[:, :1].expand(-1, classes.shape[1], -1)
            runs = self.descend(
                torch.cat([runs.classes, classes], 1),
                torch.cat([runs.latents, latents], 1),
                torch.cat([runs.weights, weights], 1),
                settings,
            )
        return runs

    def _promising(
        self, runs: Runs, inference: Inference, starts: int, settings: CutSettings
    ) -> tuple[Tensor, Tensor]:
        """The candidates that gain most if all is flipped that costs less than the best run's perturbation.

        Returns:
            classes (N, P) and latents (N, P, 8), which have adapted to these flips.
        """
        candidates = inference.candidates
        x, own = self.perturbations.x, self.mixture(runs.weights[:, :1])
        cheaper = (self.perturbations.cost < runs.size[:, :1]) * (1 - 2 * x)
        best = torch.empty(len(x), inference.classes, starts, dtype=torch.long, device=x.device)
        for c in range(inference.classes):
            images = inference.decode(c, candidates).flatten(1)
            for n in range(len(x)):
                theirs = Energies.of(images, candidates, self.model.gamma[c].expand(len(candidates)), x[n])
                half_space = theirs - Energies(own.constant[n], own.slope[n])
                gain = (half_space.slope * cheaper[n]).relu().sum(1) - half_space.constant
                best[n, c] = gain.topk(starts).indices
        classes, latents = self._of_others(candidates[best])
        for _ in range(settings.alternations):
            uphill = (self.energies(classes, latents) - own).slope * cheaper[:, None] > 0
            latents = self._at(cheaper[:, None] * uphill, classes, latents, settings)
        return classes, latents

    def _of_others(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (N, C, S, 8) but for those of the true class: the classes (N, P), and the latents (N, P, 8)."""
        n, classes, starts, _ = latents.shape
        others = torch.arange(classes, device=latents.device) != self.labels[:, None]
        named = others.nonzero()[:, 1].view(n, classes - 1).repeat_interleave(starts, 1)
        return named, latents[others].view(*named.shape, LATENT_DIM)

    def resume(self, runs: Runs, classes: Tensor, latents: Tensor, settings: CutSettings) -> Runs:
        """Go on after a cut, with one more run for each image, of classes (N,) from latents (N, 8)."""
        new = 1 / self.cuts.constant.shape[1]  # the weight of the latest cut
        weights = pad(runs.weights * (1 - new), (0, 1), value=new)
        return self.descend(
            torch.cat([runs.classes, classes[:, None]], 1),
            torch.cat([runs.latents, latents[:, None]], 1),
            torch.cat([weights, torch.full_like(weights[:, :1], new)], 1),
            settings,
        )

    def descend(self, classes: Tensor, latents: Tensor, weights: Tensor | None, settings: CutSettings) -> Runs:
        """delta and z in turn, from latents (N, P, 8) of classes (N, P) and weights of the cuts (N, P, J)."""
        runs = self.weigh(classes, latents, weights, settings)
        for _ in range(settings.alternations):
            latents = self._at(runs.delta, classes, runs.latents, settings)
            runs = self.weigh(classes, latents, runs.weights, settings)
        return runs.smallest_first()

    def _at(self, delta: Tensor, classes: Tensor, latents: Tensor, settings: CutSettings) -> Tensor:
        """Inference at x + delta (N, P, 784), from latents (N, P, 8) of classes (N, P)."""
        x = (self.perturbations.x[:, None] + delta).view(-1, *self.perturbations.observed.shape[1:])
        _, found = self.model.inference.minimise(x, classes.flatten(), latents.flatten(0, 1), settings.evaluations)
        return found.view_as(latents)

    def weigh(self, classes: Tensor, latents: Tensor, weights: Tensor | None, settings: CutSettings) -> Runs:
        """Mix the cuts against latents (N, P, 8), by multiplicative weights; of all mixtures on the way, the best.

        A cut that explains x + delta better than the others gains weight.
        """
        energies, cuts = self.energies(classes, latents), self.cuts.constant.shape[1]
        if weights is None:
            weights = energies.constant.new_full((*classes.shape, cuts), 1 / cuts)
        best = None
        for _ in range(settings.weighings if cuts > 1 else 1):
            size, delta = self.perturbations.least(energies - self.mixture(weights))
            runs = Runs(classes, latents, weights, size, delta)
            best = runs if best is None else _larger(runs, best)
            explained = self.cuts.constant[:, None] - delta @ self.cuts.slope.mT
            weights = (weights.clamp_min(LEAST_WEIGHT).log() - settings.rate * explained).softmax(-1)
        return best


def _larger(a: Runs, b: Runs) -> Runs:
    """Of two runs of the same latents, the one with the larger bound."""
    larger = a.size > b.size
    weights, delta = (torch.where(larger[..., None], *pair) for pair in ((a.weights, b.weights), (a.delta, b.delta)))
    return Runs(a.classes, a.latents, weights, torch.where(larger, a.size, b.size), delta)


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
    class's latent as a cut, that of the likeliest other class as a run, in place of the least dangerous one.
    """
    model, images, labels = recorder.model, recorder.images, recorder.labels
    n = torch.arange(len(labels), device=labels.device)
    allowed = perturbations(model, images, recorder.norm)
    relaxation = Relaxation(model, allowed, labels)
    runs = relaxation.search(model.inference, settings.starts, settings)
    single = runs.size[:, 0]
    dismissed = torch.full_like(single, torch.inf)
    for _ in range(settings.rounds):
        x = attack(recorder, relaxation, runs.first(1), settings)
        distance, latents = model.inference.minimum(model.observe(x), model.gamma)
        relaxation.cut(latents[n, labels])
        dismissed = torch.cat([dismissed[:, None], runs.size[:, settings.kept - 1 :]], 1).amin(1)
        rival = (model.gamma * distance).scatter(1, labels[:, None], torch.inf).argmin(1)
        runs = relaxation.resume(runs.first(settings.kept - 1), rival, latents[n, rival], settings)
    runs = relaxation.descend(runs.classes, runs.latents, runs.weights, settings)
    runs = relaxation.restarted(runs, model.inference, settings.starts, settings)
    single = single.minimum(relaxation.with_first_cut(runs).amin(1))
    lower = dismissed.minimum(runs.size[:, 0])
    single, lower = (allowed.attainable((1 - settings.slack) * size) for size in (single, lower))
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
    high = (recorder.best_distance / worst.size[:, 0]).clamp(1, settings.reach)
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
    return (1 - settings.slack) * relaxation.descend(runs.classes, runs.latents, None, settings).size[:, 0]
