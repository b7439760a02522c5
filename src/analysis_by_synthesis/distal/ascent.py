"""From noise, gradient ascent on p(y|x) of eq. 4 until the model is certain of y (section 7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from analysis_by_synthesis.attacks.estimated_gradient import EstimatedGradient
from analysis_by_synthesis.calibration.softmax import posterior
from analysis_by_synthesis.distal.records import onto_grey_levels
from analysis_by_synthesis.models import logits
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.distal import Ascent, DistalSettings


def evidence(scores: Tensor, target: int, confidence: float, alpha: float, eta: float) -> Tensor:
    """By how much alpha l_y exceeds what p(y|x) = q asks for (N,), from logits l (N, C): eq. 4 solved for alpha l_y.

        p(y|x) >= q  <=>  alpha l_y - log[(q sum_{c != y} exp(alpha l_c) + (q C - 1) eta) / (1 - q)] >= 0

    An ascent follows the gradient of this and not that of p. Far from the data all exp(alpha l_c) are tiny beside eta
    (in noise, ABS has alpha D of about 100), and p is 1/C but for exp(-100), which neither float32 nor the difference of
    two queries can tell from nothing. There the gradient of the evidence is that of alpha l_y.

    With eta as calibrated, q = 0.9 asks for a likelihood as high as that of the median clean image. For ABS that is a
    bound on D_y, and so on how far the image is from one that the decoder of y makes: certainty away from the data
    can't be had, whatever the gradient. A network's logits have no such ceiling.
    """
    scaled, classes = alpha * scores.double(), scores.shape[1]
    others = scaled[:, torch.arange(classes, device=scores.device) != target] + math.log(confidence)
    uncertainty = scaled.new_full((len(scores), 1), (confidence * classes - 1) * eta).log()
    return scaled[:, target] - torch.cat([others, uncertainty], dim=1).logsumexp(1) + math.log(1 - confidence)


def noise(starts: int, seed: int) -> Tensor:
    """Uniform noise (starts, 1, 28, 28), each image from a seed of its own."""
    return torch.cat(
        [torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(seed + i)) for i in range(starts)]
    )


@dataclass(frozen=True)
class Climber:
    """Gradient ascent on one model's p(y|x).

    Attributes:
        model: images to logits.
        alpha, eta: of its calibrated softmax.
        settings: of all ascents.
    """

    model: Classifier
    alpha: float
    eta: float
    settings: DistalSettings

    def ascend(self, starts: Tensor, ascent: Ascent) -> dict[str, Tensor]:
        """Climb from images (N, 1, 28, 28) in [0, 1] until p(y|x) is as high as wanted, or the direction is zero.

        Returns:
            image (N, 1, 28, 28), the one of highest p on the way, in the grey levels that are stored; probability (N,), its
            p(y|x); reached (N,), whether that is as high as wanted; steps (N,), taken.
        """
        x, going = starts.clone(), torch.arange(len(starts), device=starts.device)
        image, highest = starts.clone(), starts.new_full((len(starts),), -1.0, dtype=torch.float64)
        direction = torch.zeros_like(starts)
        steps = torch.zeros_like(going)
        look = self.model if ascent.difference_step is None else _estimating(self.model, ascent.difference_step)
        for step in range(ascent.steps + 1):
            stored = onto_grey_levels(x[going])
            p = self.probability(stored)
            higher = p > highest[going]
            image[going[higher]], highest[going[higher]] = stored[higher], p[higher]
            going = going[p < self.settings.confidence]
            if step == ascent.steps or len(going) == 0:
                break
            uphill = self._gradient(look, x[going])
            if ascent.normalise:
                uphill = normalize(uphill.flatten(1)).view_as(uphill)
            direction[going] = ascent.momentum * direction[going] + uphill
            going = going[direction[going].flatten(1).any(1)]
            x[going] = (x[going] + ascent.step_size * direction[going]).clamp(0, 1)
            steps[going] += 1
        reached = highest >= self.settings.confidence
        return {"image": image, "probability": highest, "reached": reached, "steps": steps}

    def probability(self, x: Tensor) -> Tensor:
        """p(y|x) (N,) in double precision; where it is as high as wanted, by the arbiter."""
        p = self._posterior(x, "default")
        sure = p >= self.settings.confidence
        if sure.any():
            p[sure] = self._posterior(x[sure], "arbitrate")
        return p

    def _posterior(self, x: Tensor, search: Literal["default", "arbitrate"]) -> Tensor:
        scores = logits(self.model, x, search).cpu().numpy()
        return torch.from_numpy(posterior(scores, self.alpha, self.eta)[:, self.settings.target]).to(x.device)

    def _gradient(self, look: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Of the evidence, through the logits of x."""
        x = x.detach().requires_grad_()
        asked = self.settings.target, self.settings.confidence, self.alpha, self.eta
        return torch.autograd.grad(evidence(look(x), *asked).sum(), x)[0]


def _estimating(model: Classifier, difference: float) -> Callable[[Tensor], Tensor]:
    estimated = EstimatedGradient(model, difference)
    return lambda x: estimated(x, torch.arange(len(x), device=x.device))[0]
