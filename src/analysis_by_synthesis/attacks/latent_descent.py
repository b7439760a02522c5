"""The Latent Descent attack (section 5, eq. 9): walk towards the likeliest reconstruction of the likeliest wrong class."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.latent_descent import Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    """Only for ABS and Binary ABS: it looks at their latents."""
    before, x = images.clone(), images.clone()
    going = torch.arange(len(images), device=images.device)
    for _ in range(settings.steps):
        before[going] = x[going]
        x[going] += settings.step * (_likeliest_wrong(recorder, x[going], labels[going]) - x[going])
        going = going[~recorder.is_adversarial(x[going], going)]
        if len(going) == 0:
            break
    found = torch.ones_like(labels, dtype=torch.bool).index_fill(0, going, False)
    rows = found.nonzero().squeeze(1)
    adversarials = bisect(recorder, before[rows], x[rows], rows, settings.bisections)
    bisect(recorder, images[rows], adversarials, rows, settings.bisections)


def _likeliest_wrong(recorder: Recorder, x: Tensor, labels: Tensor) -> Tensor:
    """G_c(z_c*) (M, 1, 28, 28) of the wrong class c that is likeliest for x."""
    model = recorder.model
    solution = model.inference.infer(model.observe(x))
    wrong = (model.gamma * solution.distance).scatter(1, labels[:, None], torch.inf).argmin(1)
    return model.inference.reconstruct(solution.latent)[torch.arange(len(x), device=x.device), wrong]
