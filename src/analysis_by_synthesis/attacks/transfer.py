"""Transfer attacks (section 5): the perturbations that fool another network, lengthened until they fool this one."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import basic_iterative, fast_gradient
from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.params.attacks.transfer import SUBSTITUTE, Settings


def attack(recorder: Recorder, images: Tensor, labels: Tensor, settings: Settings) -> None:
    substitute = recorder.resources.models[SUBSTITUTE]
    for module, source in [
        (fast_gradient, settings.sources.fgm),
        (fast_gradient, settings.sources.fgsm),
        (basic_iterative, settings.sources.l2_bim),
        (basic_iterative, settings.sources.bim),
    ]:
        fooled = Recorder(substitute, images, labels, source.norm)
        module.attack(fooled, images, labels, source)
        _lengthen(recorder, images, [fooled.closest(sample) for sample in range(len(images))], settings)


def _lengthen(recorder: Recorder, images: Tensor, adversarials: list[list[Tensor]], settings: Settings) -> None:
    """Grow the perturbations, cut off at the edges of [0, 1], until each succeeds, then bisect back."""
    rows = torch.tensor([row for row, closest in enumerate(adversarials) if closest], device=images.device).long()
    if len(rows) == 0:
        return
    perturbation = torch.stack([adversarials[row][0] for row in rows.tolist()]) - images[rows]
    inner, scale = images[rows], settings.first_scale
    for _ in range(settings.growths):
        outer = (images[rows] + scale * perturbation).clamp(0, 1)
        succeeded = recorder.is_adversarial(outer, rows)
        bisect(recorder, inner[succeeded], outer[succeeded], rows[succeeded], settings.bisections)
        rows, perturbation, inner = rows[~succeeded], perturbation[~succeeded], outer[~succeeded]
        if len(rows) == 0:
            break
        scale *= settings.growth
