"""The model as an attack sees it: every query is recorded, the closest adversarials of all are kept."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from analysis_by_synthesis.attacks.estimated_gradient import EstimatedGradient
from analysis_by_synthesis.attacks.trail import Trail
from analysis_by_synthesis.distances import Metric, distance
from analysis_by_synthesis.models.base import Classifier, LatentClassifier
from analysis_by_synthesis.models.remembered import Remembered
from analysis_by_synthesis.params.attacks.base import Sees
from analysis_by_synthesis.pipeline.errors import UserError


class Resources(NamedTuple):
    """What attacks may use beside the attacked model; the same for all samples.

    Attributes:
        images, labels: (P, 1, 28, 28) and (P,), to start from.
        models: others, by name.
    """

    images: Tensor
    labels: Tensor
    models: dict[str, Classifier]


class Recorder(nn.Module):
    """Wraps a model for the attack of one batch of images.

    Args:
        model: images to logits.
        images: the clean images (N, 1, 28, 28).
        labels: their true classes (N,).
        norm: the metric in which the closest adversarials are kept.
        candidates: how many of them are kept per sample, and how many milestones.
        milestone: share of the distance of one milestone at which an input is the next one; 1 if there are none.
        stored: what clean images and misclassified inputs (M, 1, 28, 28) are made into afterwards, by whose distance inputs are
            kept; None if they stay as they are.
        resources: what attacks may use; nothing if None.
        sees: what the attack says that it sees; the recorder refuses gradients and latents to those that don't.

    Attributes:
        best_distance: of the closest misclassified input of all queries (N,); inf where there is none.
        queries: images per sample (N,) that the model was asked about.
        zero_gradients: backward passes per sample (N,) that gave nothing but zeros.
        estimate: stands in for the model where gradients are wanted; None for exact ones.
    """

    def __init__(
        self,
        model: Classifier,
        images: Tensor,
        labels: Tensor,
        norm: Metric,
        candidates: int = 1,
        milestone: float = 1.0,
        stored: Callable[[Tensor, Tensor], Tensor] | None = None,
        resources: Resources | None = None,
        sees: Sees = "latents",
    ) -> None:
        super().__init__()
        self.model = model
        self._follow = Remembered(model, len(labels)) if model.binary else model.follow(len(labels))
        self.images, self.labels, self.norm, self.sees = images, labels, norm, sees
        self.resources, self._stored = resources or Resources(images[:0], labels[:0], {}), stored
        self.best_distance = torch.full(labels.shape, torch.inf, device=images.device)
        self.queries, self.zero_gradients = torch.zeros_like(labels), torch.zeros_like(labels)
        self.estimate: EstimatedGradient | None = None
        self._trails = [Trail(images, candidates, share) for share in sorted({1.0, milestone}, reverse=True)]
        self.eval()

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits of x (M, 1, 28, 28), differentiable in x.

        Inputs are put into [0, 1]; one that isn't finite is replaced by the clean image, so that it can't stop the others.

        Args:
            rows: which samples (M,) the inputs belong to; all N in their order where it isn't given.
        """
        if x.requires_grad and self.sees not in ("gradients", "latents"):
            raise UserError(f"an attack that sees {self.sees} asks for gradients; correct `sees` of its settings.")
        rows = self._rows(rows)
        x = _Watched.apply(x, self, rows)  # type: ignore[no-untyped-call]
        if x.requires_grad and self.estimate is not None:
            logits, probes = self.estimate(x, rows)
            self.queries[rows] += probes
        else:
            logits = self._follow(x, rows)
        self._record(x.detach(), logits.detach().argmax(1), rows)
        return logits

    @torch.no_grad()
    def is_adversarial(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Whether x (M, 1, 28, 28) is taken for another class (M,), as bool."""
        rows = self._rows(rows)
        return self._record(x, self._follow(x, rows).argmax(1), rows)

    @property
    def latent_model(self) -> LatentClassifier:
        """The model, to those that see its latents; what it is asked directly is not recorded.

        Raises:
            UserError: it has no latents, or the attack says that it doesn't see them.
        """
        if self.sees != "latents":
            raise UserError(f"an attack that sees {self.sees} asks for latents; correct `sees` of its settings.")
        if not isinstance(self.model, LatentClassifier):
            raise UserError("the attack looks at latents, which this model doesn't have; attack abs or binary_abs.")
        return self.model

    def closest(self, sample: int) -> list[Tensor]:
        """The last improvements (1, 28, 28) for a sample, closest first, and then the last milestones.

        Where the first is refused, a later one may do; improvements can be so near to one another that all are refused.
        """
        return [image for trail in self._trails for image in trail.closest(sample)]

    def _rows(self, rows: Tensor | None) -> Tensor:
        return torch.arange(len(self.labels), device=self.labels.device) if rows is None else rows

    def _record(self, x: Tensor, predicted: Tensor, rows: Tensor) -> Tensor:
        self.queries[rows] += 1
        wrong = predicted != self.labels[rows]
        away = self._away(x, rows, wrong)
        self.best_distance[rows] = self.best_distance[rows].minimum(away)
        kept = self._away(self._stored(self.images[rows], x), rows, wrong) if self._stored else away
        for trail in self._trails:
            trail.add(x, kept, rows)
        return wrong

    def _away(self, x: Tensor, rows: Tensor, wrong: Tensor) -> Tensor:
        """The distances (M,) of x (M, 1, 28, 28) from the clean images; inf where x isn't wrong, or is the clean image."""
        away = distance(x, self.images[rows], self.norm).to(self.best_distance.dtype)
        return away.masked_fill(~wrong | (away == 0), torch.inf)


class _Watched(torch.autograd.Function):
    """Passes images on, finite and in [0, 1], and their gradients as they are, counting those that are zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, recorder: Recorder, rows: Tensor) -> Tensor:
        ctx.recorder, ctx.rows, ctx.dtype = recorder, rows, x.dtype
        clean = recorder.images[rows]
        finite = x.isfinite().flatten(1).all(1)[:, None, None, None]
        return torch.where(finite, x.to(clean.dtype), clean).clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        ctx.recorder.zero_gradients[ctx.rows] += (gradient == 0).flatten(1).all(1).long()
        return gradient.to(ctx.dtype), None, None
