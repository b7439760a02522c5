"""Models whose closest adversarials are known exactly."""

import torch

from analysis_by_synthesis.models.base import Classifier


class TwoPlanes(Classifier):
    """Class 1 where w.x > b, else class 0: the distance to the boundary is |w.x - b| / ||w||_q in L2 and Linf."""

    def __init__(self, offset: float = 40.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("w", torch.randn(784, generator=generator) + 0.2)
        self.register_buffer("b", self.w.sum() / 2 + offset)

    def forward(self, x):
        score = x.flatten(1) @ self.w - self.b
        return torch.stack([-score, score], 1) / 10

    def optimum(self, x, norm):
        score = x.flatten(1) @ self.w - self.b
        if norm == "l0":  # the pixels that move the score most, as far as [0, 1] lets them
            up = (self.w > 0) == (score < 0)[:, None]
            moves = torch.where(up, 1 - x.flatten(1), x.flatten(1)) * self.w.abs()
            reached = moves.sort(dim=1, descending=True).values.cumsum(1)
            return 1.0 + (reached <= score.abs()[:, None]).sum(1)
        return score.abs() / (self.w.norm() if norm == "l2" else self.w.abs().sum())


class TenPlanes(TwoPlanes):
    """The same with ten classes, eight of which no image reaches."""

    def forward(self, x):
        logits = super().forward(x)
        return torch.cat([logits, logits.new_full((len(x), 8), -1e3)], 1)


class Bulging(TwoPlanes):
    """The same boundary with logits that flatten towards it: a linear step leads half way to it."""

    def forward(self, x):
        logits = super().forward(x)
        return logits * logits.abs()


class Template(Classifier):
    """Class 1 where all bright pixels of a template are above 0.5 and at most three others, which noise doesn't bring about."""

    def __init__(self, template: torch.Tensor) -> None:
        super().__init__()
        self.template = template.flatten() > 0.5

    def forward(self, x):
        bright = (x > 0.5).flatten(1)
        missing, other = (~bright[:, self.template]).sum(1), bright[:, ~self.template].sum(1)
        matches = ((missing == 0) & (other <= 3)).float()
        return torch.stack([1 - matches, matches], 1)


class GrowsCertain(Classifier):
    """Another model that, once it has been asked so often, takes images close to the boundary for the other class."""

    def __init__(self, model: Classifier, asked: int) -> None:
        super().__init__()
        self.model, self.left = model, asked

    def forward(self, x):
        self.left -= 1
        logits = self.model(x)
        close = logits.diff(dim=1).abs() < 0.1
        return torch.where(close & (self.left < 0), logits.flip(1), logits)


class BrightPixels(Classifier):
    """Class 1 where at least `count` pixels are above 0.5: the L0 distance of a dark image is `count`."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x):
        bright = (x > 0.5).flatten(1).sum(1).float()
        return torch.stack([bright * 0 + self.count - 0.5, bright], 1)


def grey_images(n, seed=1):
    """Far from the edges of the pixel box, so that it doesn't matter."""
    return 0.5 + 0.1 * (torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)) - 0.5)
