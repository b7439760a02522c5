"""The Latent Descent attack as the authors' released code has it: a line search, where eq. 9 is a walk.

Every image that it asks about lies between the original image and a reconstruction, and does not go on from the one before.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.attacks import base
from analysis_by_synthesis.attacks.bisection import bisect
from analysis_by_synthesis.attacks.latent_descent import likeliest_wrong
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.networks.binarize import THRESHOLD, binarize
from analysis_by_synthesis.params.attacks.latent_line_search import Settings


class Attack(base.Attack[Settings]):
    """Even shares of the likeliest wrong reconstruction at the share before, then bisections towards the clean image.

    Of a binary model's reconstruction only the pixels on the other side of the threshold are taken, and these at the threshold.
    """

    def run(self, recorder: Recorder) -> None:
        images, labels, steps = recorder.images, recorder.labels, self.settings.steps
        x, rows = images.clone(), torch.arange(len(images), device=images.device)
        for step in range(1, steps + 1):
            towards = likeliest_wrong(recorder, x[rows], labels[rows])
            if recorder.model.binary:
                towards = _at_threshold(x[rows], towards)
            x[rows] = torch.lerp(images[rows], towards, step / steps)
            rows = rows[~recorder.is_adversarial(x[rows], rows)]
            if len(rows) == 0:
                break
        found = torch.ones_like(labels, dtype=torch.bool).index_fill(0, rows, False).nonzero().squeeze(1)
        bisect(recorder, images[found], x[found], found, self.settings.bisections)


def _at_threshold(x: Tensor, towards: Tensor) -> Tensor:
    """x, with the pixels whose binarisation is another in `towards` moved just across the threshold."""
    threshold = x.new_tensor(THRESHOLD)
    crossed = torch.where(towards >= threshold, threshold, threshold.nextafter(threshold.new_zeros(())))
    return torch.where(binarize(x) == binarize(towards), x, crossed)
