"""DeepFool for L2 and Linf (Moosavi-Dezfooli et al., 2016), as Foolbox 1.3 has it: every step goes too far by itself.

Foolbox 3 lengthens the sum of all steps instead, and so leaves the boundary behind where many steps are needed.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.deepfool import Settings

MARGIN = 1e-4  # of logits that a step aims beyond the boundary, so that rounding doesn't leave the image right on it
TINY = 1e-8  # keeps divisions by gradients that vanish finite


class Attack(base.Attack[Settings]):
    """Steps towards the nearest class of the linearised model, until the class changes."""

    def run(self, recorder: Recorder) -> None:
        x, rows = recorder.images.clone(), torch.arange(len(recorder.labels), device=recorder.labels.device)
        for _ in range(self.settings.steps):
            logits, gradients = _linearised(recorder, x[rows], rows)
            going = logits.argmax(1) == recorder.labels[rows]
            rows = rows[going]
            if len(rows) == 0:
                return
            step = self._step(logits[going], gradients[going], recorder.labels[rows]).view_as(x[rows])
            x[rows] = (x[rows] + (1 + self.settings.overshoot) * step).clamp(0, 1)
        recorder.is_adversarial(x[rows], rows)

    def _step(self, logits: Tensor, gradients: Tensor, labels: Tensor) -> Tensor:
        """The shortest perturbation (M, D) that makes another class as likely, if the logits were linear."""
        each = torch.arange(len(labels), device=labels.device)
        gaps = logits[each, labels, None] - logits + MARGIN
        slopes = gradients - gradients[each, labels, None]
        linf = self.settings.norm == "linf"
        lengths = gaps / (slopes.abs().sum(2) if linf else slopes.norm(dim=2)).add(TINY)
        nearest = lengths.scatter(1, labels[:, None], torch.inf).argmin(1)
        length, slope = lengths[each, nearest, None], slopes[each, nearest]
        return length * (slope.sign() if linf else slope / (slope.norm(dim=1, keepdim=True) + TINY))


def _linearised(recorder: Recorder, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (M, C) and their gradients (M, C, D)."""
    x = x.detach().requires_grad_()
    logits = recorder(x, rows)
    gradients = [torch.autograd.grad(logit.sum(), x, retain_graph=True)[0].flatten(1) for logit in logits.unbind(1)]
    return logits.detach(), torch.stack(gradients, 1)
