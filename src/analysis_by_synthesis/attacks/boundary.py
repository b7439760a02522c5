"""The Boundary Attack (Brendel et al., 2018), as Foolbox has it: a random walk along the decision boundary.

Draw for draw and step for step Foolbox's own, but what a step finds stays on the model's device: Foolbox brings it to the
CPU several times a step.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.starts import adversarial_starts
from analysis_by_synthesis.params.attacks.boundary import Settings


class Attack(base.Attack[Settings]):
    """Walks of each sample from images of other classes: where one begins decides in which class it ends."""

    def run(self, recorder: Recorder) -> None:
        for rank in range(self.settings.restarts):
            rows, starts = adversarial_starts(recorder, rank, self.settings.bisections)
            if len(rows):
                walk(recorder, starts, rows, self.settings)


def walk(recorder: Recorder, starts: Tensor, rows: Tensor, settings: Settings) -> None:
    """From adversarial starts (M, 1, 28, 28) towards the images of the samples `rows` (M,)."""
    images = recorder.images[rows]
    clean, best = images.flatten(1), starts.flatten(1)
    spherical, source = (torch.full_like(clean[:, 0], step) for step in (settings.spherical_step, settings.source_step))
    on_sphere, closer_by, factor = Successes(100, rows), Successes(30, rows), settings.step_adaptation

    def fooled(x: Tensor) -> Tensor:
        return recorder.is_adversarial(x.view_as(images), rows)

    fooled(best)
    for step in range(1, settings.steps + 1):
        away = clean - best
        distance = norm(away)
        proposal, sideways = proposals(clean, away, distance, spherical, source)
        adversarial = fooled(proposal)
        if look := step % settings.update_stats_every_k == 0:
            on_sphere.append(fooled(sideways))
            closer_by.append(adversarial)
        ahead = norm(clean - proposal)
        walks = adversarial & (ahead > 0) & (ahead < distance) & (source >= settings.source_step_convergance)
        best = torch.where(walks[:, None], proposal, best)
        if look:
            easy, hard = on_sphere.adapt(0.2, 0.5)
            spherical, source = adapted(spherical, easy, hard, factor), adapted(source, easy, hard, factor)
            source = adapted(source, *closer_by.adapt(0.1, 0.25), factor)
            if (source < settings.source_step_convergance).all():
                break
    fooled(best)


def proposals(
    clean: Tensor, away: Tensor, distance: Tensor, spherical: Tensor, source: Tensor
) -> tuple[Tensor, Tensor]:
    """A random step on the sphere around the clean image, then one towards it; and the first step alone: (M, 784) each.

    Args:
        clean: images (M, 784).
        away: from the adversarials to them (M, 784).
        distance: their lengths (M,).
        spherical, source: lengths of the steps (M,), relative to the distance.
    """
    direction = away / distance[:, None]
    drawn = torch.randn(clean.shape[1], 1, dtype=clean.dtype, device=clean.device)
    tangent = drawn.T - direction @ drawn * direction
    tangent = tangent * (spherical * distance / norm(tangent))[:, None]
    sideways = (clean + (tangent - away) / (spherical.square() + 1).sqrt()[:, None]).clamp(0, 1)
    inwards = clean - sideways
    radius = norm(inwards)
    length = (source * distance + radius - distance).clamp_min(0) / radius
    return (sideways + length[:, None] * inwards).clamp(0, 1), sideways


class Successes:
    """The last looks at M samples, `size` of them; NaN where fewer are known, so that no comparison holds."""

    def __init__(self, size: int, rows: Tensor) -> None:
        self._looks = torch.full((size, len(rows)), torch.nan, dtype=torch.float64, device=rows.device)
        self._next = 0

    def append(self, adversarial: Tensor) -> None:
        self._looks[self._next] = adversarial.double()
        self._next = (self._next + 1) % len(self._looks)

    def adapt(self, low: float, high: float) -> tuple[Tensor, Tensor]:
        """For which samples (M,) the share of successes is above `high`, and for which below `low`; they begin anew."""
        share = self._looks.mean(0)
        easy, hard = share > high, share < low
        self._looks.masked_fill_(easy | hard, torch.nan)
        return easy, hard


def adapted(step: Tensor, easy: Tensor, hard: Tensor, factor: float) -> Tensor:
    """Step sizes (M,), `factor` times as long where it is easy, and as much shorter where it is hard."""
    step = torch.where(easy, step * factor, step)
    return torch.where(hard, step / factor, step)


def norm(x: Tensor) -> Tensor:
    """L2 (M,) of the rows of x, by Foolbox's rounding."""
    return x.square().sum(1).sqrt()
