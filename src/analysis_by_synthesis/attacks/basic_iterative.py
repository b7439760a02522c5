"""BIM, also known as PGD (Kurakin et al., 2016), its L2 variant, and with momentum MIM (Dong et al., 2017).

Each sample's epsilon is searched for. Foolbox's version takes one for the whole batch and doesn't search for it.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.gradient import ascent, direction
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.basic_iterative import Settings


class Attack(base.Attack[Settings]):
    """Epsilon grows until an iterate is adversarial, and is bisected then."""

    def run(self, recorder: Recorder) -> None:
        images, settings = recorder.images, self.settings
        low = images.new_zeros(len(images))
        high = images.new_full((len(images),), torch.inf)
        epsilon = images.new_full((len(images),), settings.init_epsilon)
        for _ in range(settings.growth_steps):
            rows = high.isinf().nonzero().squeeze(1)
            if len(rows) == 0:
                break
            succeeded = self._iterate(recorder, epsilon, rows)
            high[rows[succeeded]] = epsilon[rows[succeeded]]
            low[rows[~succeeded]] = epsilon[rows[~succeeded]]
            epsilon[rows[~succeeded]] *= settings.growth_factor
        rows = high.isfinite().nonzero().squeeze(1)
        for _ in range(settings.bisections if len(rows) else 0):
            epsilon[rows] = (low[rows] + high[rows]) / 2
            succeeded = self._iterate(recorder, epsilon, rows)
            high[rows[succeeded]] = epsilon[rows[succeeded]]
            low[rows[~succeeded]] = epsilon[rows[~succeeded]]

    def _iterate(self, recorder: Recorder, epsilon: Tensor, rows: Tensor) -> Tensor:
        """BIM with each sample's own epsilon, until it succeeds; whether an iterate of each row was adversarial (M,)."""
        settings, labels = self.settings, recorder.labels
        clean, radius = recorder.images[rows], epsilon[rows, None, None, None]
        x, succeeded = clean.clone(), torch.zeros_like(rows, dtype=torch.bool)
        accumulated = torch.zeros_like(x)
        for _ in range(settings.steps):
            going = (~succeeded).nonzero().squeeze(1)
            if len(going) == 0:
                break
            gradient = ascent(recorder, x[going], labels[rows[going]], rows[going])
            size = gradient.flatten(1).abs().mean(1).clamp_min(torch.finfo(x.dtype).tiny)[:, None, None, None]
            accumulated[going] = settings.momentum * accumulated[going] + gradient / size
            step = x[going] + settings.rel_stepsize * radius[going] * direction(accumulated[going], settings.norm)
            x[going] = (clean[going] + self._project(step - clean[going], radius[going])).clamp(0, 1)
            succeeded[going] = recorder.is_adversarial(x[going], rows[going])
        return succeeded

    def _project(self, perturbation: Tensor, radius: Tensor) -> Tensor:
        """Back into the ball of the given radius, in Linf or in root mean square."""
        if self.settings.norm == "linf":
            return perturbation.clamp(-radius, radius)
        rms = perturbation.flatten(1).square().mean(1).sqrt()[:, None, None, None]
        return perturbation * (radius / rms.clamp_min(torch.finfo(rms.dtype).tiny)).clamp(max=1)
