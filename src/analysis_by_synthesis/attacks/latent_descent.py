"""The Latent Descent attack (section 5, eq. 9): walk towards the likeliest reconstruction of the likeliest wrong class."""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.params.attacks.latent_descent import Settings


class Attack(base.Attack[Settings]):
    """Eq. 9, then bisections: inside the last step, and towards the clean image."""

    def run(self, recorder: Recorder) -> None:
        images, labels, bisections = recorder.images, recorder.labels, self.settings.bisections
        before, x = images.clone(), images.clone()
        going = torch.arange(len(images), device=images.device)
        for _ in range(self.settings.steps):
            before[going] = x[going]
            x[going] += self.settings.epsilon * (likeliest_wrong(recorder, x[going], labels[going]) - x[going])
            going = going[~recorder.is_adversarial(x[going], going)]
            if len(going) == 0:
                break
        found = torch.ones_like(labels, dtype=torch.bool).index_fill(0, going, False)
        rows = found.nonzero().squeeze(1)
        adversarials = bisect(recorder, before[rows], x[rows], rows, bisections)
        bisect(recorder, images[rows], adversarials, rows, bisections)


def likeliest_wrong(recorder: Recorder, x: Tensor, labels: Tensor) -> Tensor:
    """G_c(z_c*) (M, 1, 28, 28) of the wrong class c that is likeliest for x."""
    logits, reconstructions = recorder.latent_model.explain(x)
    wrong = logits.scatter(1, labels[:, None], -torch.inf).argmax(1)
    return reconstructions[torch.arange(len(x), device=x.device), wrong]
