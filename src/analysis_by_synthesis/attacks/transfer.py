"""Transfer attacks (section 5): the perturbations that fool another network, lengthened until they fool this one."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base, basic_iterative, fast_gradient
from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.attacks.transfer import SUBSTITUTE, Settings


class Attack(base.Attack[Settings]):
    """FGM, FGSM, L2 BIM and BIM on the substitute, then a line search on the model."""

    def run(self, recorder: Recorder) -> None:
        sources = self.settings.sources
        attacks: list[base.Attack[AttackSettings]] = [
            fast_gradient.Attack(sources.fgm),
            fast_gradient.Attack(sources.fgsm),
            basic_iterative.Attack(sources.l2_bim),
            basic_iterative.Attack(sources.bim),
        ]
        for attack in attacks:
            norm, substitute = attack.settings.norm, recorder.resources.models[SUBSTITUTE]
            fooled = Recorder(substitute, recorder.images, recorder.labels, norm)
            attack.run(fooled)
            self._lengthen(recorder, [fooled.closest(sample) for sample in range(len(recorder.labels))])

    def _lengthen(self, recorder: Recorder, adversarials: list[list[Tensor]]) -> None:
        """Grow the perturbations, cut off at the edges of [0, 1], until each succeeds, then bisect back."""
        images, settings = recorder.images, self.settings
        rows = torch.tensor([row for row, closest in enumerate(adversarials) if closest], device=images.device).long()
        if len(rows) == 0:
            return
        perturbation = torch.stack([adversarials[row][0] for row in rows.tolist()]) - images[rows]
        inner, scale = images[rows], settings.init_scale
        for _ in range(settings.growth_steps):
            outer = (images[rows] + scale * perturbation).clamp(0, 1)
            succeeded = recorder.is_adversarial(outer, rows)
            bisect(recorder, inner[succeeded], outer[succeeded], rows[succeeded], settings.bisections)
            rows, perturbation, inner = rows[~succeeded], perturbation[~succeeded], outer[~succeeded]
            if len(rows) == 0:
                break
            scale *= settings.growth_factor
