"""The search for the images of an attack, which change little by little: it goes on from what is known.

For every sample and class a latent z is kept, with the image x_c that it was found for. For any other image x

    D_c(x) <= ||G_c(z) - x||^2 + 1/2 ||z||^2,

and that can be computed without the decoder. A better latent lies below it by at most ||x - x_c||^2 where G_c is linear:
by no more than the residual can change. So most classes are known to play no part, and the others are a few steps away
from their new minimum.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.inference.engine import Inference, Runs, check_finite, check_shape, undisturbed


class Following:
    """D_c(x) for images of N samples, each looked at again and again.

    A sample's results depend on what was asked about it before, and on nothing else.

    Args:
        inference: that searches from scratch where images have moved far from the last one that it searched for. Where
            they move far from one another too, as noise does, it only decides, and nothing is kept.
        samples: N.
        gamma: scalars (C,) of Binary ABS; the contest is one of gamma_c D_c.
    """

    def __init__(self, inference: Inference, samples: int, gamma: Tensor) -> None:
        self.inference, self.settings, self.gamma = inference, inference.settings.following, gamma.float()
        shape = samples + 1, inference.classes + 1  # the last ones stand for none, where lists are of a fixed length
        image, latent, gamma = inference.image_shape, inference.latent_dim, self.gamma
        self._origin = gamma.new_full((samples + 1, *image), torch.inf)
        self._last = self._origin.clone()
        self._solved = gamma.new_full((*shape, *image), torch.inf)
        self._reconstruction = torch.zeros_like(self._solved)
        self._latent = gamma.new_zeros(*shape, latent)
        self._inverse_hessian = gamma.new_zeros(*shape, latent, latent)
        self._replayed_reach, self._replayed_go_on = inference.replayed(self._reach), inference.replayed(self._go_on)

    @undisturbed
    def infer(self, x: Tensor, rows: Tensor, margin: float | None = None) -> Tensor:
        """D_c(x) (M, C), as good as a search for every class that may be the least in gamma_c D_c.

        Args:
            x: images (M, *image_shape).
            rows: which of the samples (M,) they belong to, each at most once.
            margin: search for the two least classes too, and for what is within this margin of them, as gradients need;
                without it a class that can't be beaten any more is left as it is: an upper bound, or predicted.
        """
        check_shape(x, self.inference.image_shape)
        x = x.detach().float()
        finite, near, stays = self._replayed_reach(x, rows)
        all_finite, all_near = torch.stack([finite, near]).all(1).tolist()  # the only question to the GPU
        check_finite(all_finite)
        if margin is not None:
            stays = torch.ones_like(near)
        self._last[rows] = x
        if all_near:
            return self._replayed_go_on(x, rows, margin=margin)[0]
        value = x.new_empty(len(x), self.inference.classes)
        value[~stays] = self.inference.tournament(x[~stays], self.inference.settings.decision, self.gamma).value
        self._start_over(x[stays & ~near], rows[stays & ~near])
        value[stays] = self._replayed_go_on(x[stays], rows[stays], margin=margin)[0]
        return value

    def reconstruction(self, rows: Tensor) -> Tensor:
        """G_c(z) (M, C, *image_shape) of the latents that are kept for samples `rows` (M,)."""
        return self._reconstruction[rows, : self.inference.classes]

    def _reach(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whether images (M, ...) are finite, near the ones last searched for, or near those or the last ones (M,)."""
        near = self._within_reach(x, self._origin[rows])
        return x.isfinite().flatten(1).all(1), near, near | self._within_reach(x, self._last[rows])

    def _within_reach(self, x: Tensor, other: Tensor) -> Tensor:
        near: Tensor = (x - other).flatten(1).norm(dim=1) <= self.settings.restart_distance
        return near

    def _known(self, x: Tensor, rows: Tensor) -> Tensor:
        """What the latents that are kept are worth for images x (M, *image_shape): (M, C)."""
        residual = (self.reconstruction(rows) - x[:, None]).flatten(2)
        return residual.square().sum(2) + self._latent[rows, : self.inference.classes].square().sum(2) / 2

    def _contenders(self, x: Tensor, rows: Tensor, margin: float | None) -> Tensor:
        """For which classes the latent may be too old to tell (M, C)."""
        value, gamma = self._known(x, rows), self.gamma
        change = (x[:, None] - self._solved[rows, : self.inference.classes]).flatten(2).square().sum(2)
        lowest = gamma * (value - self.settings.decrease * change)
        if margin is None:
            contends = lowest <= (gamma * value).amin(1, keepdim=True)
            contends &= contends.sum(1, keepdim=True) > 1
        else:
            contends = lowest <= (gamma * value).kthvalue(2, 1, keepdim=True).values + margin
        return contends & (change > 0)

    def _start_over(self, x: Tensor, rows: Tensor) -> None:
        runs = self.inference.tournament(x, self.inference.settings.default, self.gamma)
        better = runs.value < self._known(x, rows)
        better |= self._solved[rows, : self.inference.classes, 0, 0, 0].isinf()
        image, classes = better.nonzero(as_tuple=True)
        self._keep(x, image, rows[image], classes, runs[better])
        self._origin[rows] = x

    def _go_on(self, x: Tensor, rows: Tensor, margin: float | None) -> tuple[Tensor]:
        image, classes = self.inference.indices(self._contenders(x, rows, margin))
        latent, inverse_hessian = self._latent[rows[image], classes], self._inverse_hessian[rows[image], classes]
        start = Runs.at(latent, torch.full_like(latent[:, 0], torch.inf), inverse_hessian)
        runs = self.inference.bfgs(x, image, classes, start, self.settings.evaluations)
        self._keep(x, image, rows[image], classes, runs)
        return (self._known(x, rows),)

    def _keep(self, x: Tensor, image: Tensor, rows: Tensor, classes: Tensor, runs: Runs) -> None:
        self._solved[rows, classes] = x[image]
        self._reconstruction[rows, classes] = self.inference.decode(classes, runs.latent)
        self._latent[rows, classes] = runs.latent
        self._inverse_hessian[rows, classes] = runs.inverse_hessian
