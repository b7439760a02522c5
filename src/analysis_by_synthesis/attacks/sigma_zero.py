"""sigma-zero (Cina et al., 2025): L0 by gradient steps on a smooth count of the changed pixels."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.sigma_zero import Settings


class Attack(base.Attack[Settings]):
    """The gradient is divided by its largest entry, Adam makes steps of it, and changes below a threshold are dropped."""

    def run(self, recorder: Recorder) -> None:
        clean, labels, settings = recorder.images, recorder.labels, self.settings
        change = torch.zeros_like(clean, requires_grad=True)
        threshold = torch.full((len(clean), 1, 1, 1), settings.threshold, device=clean.device)
        optimizer = torch.optim.Adam([change], lr=settings.step_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps, settings.last_step_size)
        for _ in range(settings.steps):
            lead = _lead(recorder(clean + change), labels)
            count = (change.square() / (change.square() + settings.sigma)).flatten(1).mean(1)
            (gradient,) = torch.autograd.grad((lead.relu() + count).sum(), change)
            largest = gradient.abs().flatten(1).amax(1).clamp_min(torch.finfo(gradient.dtype).tiny)
            change.grad = gradient / largest[:, None, None, None]
            growth = settings.threshold_step * schedule.get_last_lr()[0]
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                moved = (clean + change).clamp(0, 1) - clean
                change.copy_(moved.where(moved.abs() >= threshold, 0))
            threshold = (threshold + growth * torch.where(lead <= 0, 1, -1)[:, None, None, None]).clamp(0, 1)
        recorder.is_adversarial((clean + change).detach())


def _lead(logits: Tensor, labels: Tensor) -> Tensor:
    """By how much the true class's logit exceeds the best other one (N,)."""
    true = labels[:, None]
    return logits.gather(1, true)[:, 0] - logits.scatter(1, true, -torch.inf).amax(1)
