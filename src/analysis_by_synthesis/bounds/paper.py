"""The paper's lower bounds: eq. 8 for L2, appendix A.6 for Linf.

With g_c(z) = G_c(z) - x, z_y the optimal latent of the true class, a = ||g_y(z_y)||, D_y = D_y(x) and d_c = min_z ||g_c(z)||,
they assume that the searches over z find the global minimum: what these miss makes a bound too large.

What moves the mean of eq. 8: d_c is a minimum without the prior (A.5 drops the KL divergence), and it is searched for
until BFGS has converged. Fewer steps, or the latents of a search with the prior, give a larger d_c and so a larger bound.
How good the VAEs are moves it too: D_y and a are what the true class can't explain. So does the prior in D_y: without
it D_y is a^2 and eq. 8 is (d_c - a) / 2, which is larger, and no bound on a classifier that has the prior.

Binary ABS: x is the binarised image and D is multiplied by gamma. Eq. 8 then speaks of distances between binarised
images, where a changed pixel has moved by 1, not by |x_i - 0.5|, so it is not a bound on perturbations of the image
itself. The paper doesn't translate it, and gives no Linf bound for Binary ABS; a binarised pixel knows no small steps.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params.paper_bounds import PaperBoundsSettings


def l2_bound(
    d: Tensor, a: Tensor, distance_y: Tensor, gamma_c: Tensor | float = 1.0, gamma_y: Tensor | float = 1.0
) -> Tensor:
    """Eq. 8 for one class c: the epsilon that solves gamma_y (D_y + 2 eps a + eps^2) = gamma_c (d_c - eps)^2.

    Without gamma that is (d_c^2 - D_y) / (2 (d_c + a)); 0 where it is negative.
    """
    square, linear = gamma_c - gamma_y, gamma_c * d + gamma_y * a
    constant = (gamma_c * d.square() - gamma_y * distance_y).clamp_min(0)
    return constant / (linear + (linear.square() - square * constant).sqrt())


def linf_crossing(residual_c: Tensor, residual_y: Tensor, distance_y: Tensor) -> Tensor:
    """The largest epsilon (...) at which the bounds of eq. 13 and 14 don't cross, for one latent of one class c.

    That is where D_y + sum_i (2 eps |g_y,i| + eps^2) = sum_i max(|g_c,i| - eps, 0)^2: the left grows with epsilon and
    the right falls, so it is found by bisection; 0 where they cross already at 0. (The cases printed in (13) don't
    bound from below; this is derived anew from (12).)

    Args:
        residual_c, residual_y: g_c(z) and g_y(z_y), (..., 784).
        distance_y: D_y (...).
    """
    low, high = torch.zeros_like(residual_c[..., 0]), torch.ones_like(residual_c[..., 0])
    pixels, magnitude = residual_y.shape[-1], residual_y.abs().sum(-1)
    for _ in range(30):
        eps = (low + high) / 2
        left = distance_y + 2 * eps * magnitude + pixels * eps.square()
        right = (residual_c.abs() - eps[..., None]).clamp_min(0).square().sum(-1)
        low, high = torch.where(left <= right, eps, low), torch.where(left <= right, high, eps)
    return low


@torch.no_grad()
def paper_bounds(
    model: ABS, images: Tensor, labels: Tensor, seed: int, settings: PaperBoundsSettings
) -> dict[str, Tensor]:
    """Lower bounds for images (N, 1, 28, 28) with labels (N,), by searches from the best of the candidates of a seed.

    Returns:
        l2 (N,); linf (N,) unless the model is Binary ABS; and what is no bound: l2_reconstruction and linf_reconstruction,
        where D_y is the reconstruction error alone, and l2_with_prior, where d_c is that of the latents of D_c(x).
    """
    x = model.observe(images)
    own = torch.arange(len(labels), device=labels.device), labels
    with_prior, without = starts(model, x, seed)
    distance, _, residual = search(model, x, with_prior, 1.0, settings)
    residual_y = residual[own][:, None]
    distances_y = {"": distance[own][:, None], "_reconstruction": residual_y.square().sum(2)}
    _, z_c, residual_c = search(model, x, without, 0.0, settings)

    def least(bounds: Tensor) -> Tensor:
        """Over the other classes."""
        return bounds.index_put(own, bounds.new_tensor(torch.inf)).amin(1)

    def l2(residual: Tensor, distance_y: Tensor) -> Tensor:
        gamma_y = model.gamma[labels][:, None]
        return least(l2_bound(residual.norm(dim=2), residual_y.norm(dim=2), distance_y, model.gamma, gamma_y))

    def linf(distance_y: Tensor) -> Tensor:
        z, residual = z_c, residual_c
        for _ in range(settings.rounds):  # min_z sum_i max(|g_c,i| - eps, 0)^2 = min_z,delta ||g_c - delta||^2 (eq. 14)
            eps = linf_crossing(residual, residual_y, distance_y)[..., None]
            delta = residual.clamp(-eps, eps)
            _, z, shifted = search(model, x[:, None] + delta.view(*z.shape[:2], *x.shape[1:]), z, 0.0, settings)
            residual = shifted + delta
        return least(linf_crossing(residual, residual_y, distance_y))

    bounds = {"l2_with_prior": l2(residual, distances_y[""])}
    for name, distance_y in distances_y.items():
        bounds[f"l2{name}"] = l2(residual_c, distance_y)
        if not model.binary:
            bounds[f"linf{name}"] = linf(distance_y)
    return bounds


def starts(model: ABS, x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The best candidates with and without the prior, each (N, C, 8), for images x (N, 1, 28, 28)."""
    candidates = candidate_latents(model.settings.model_copy(update={"seed": seed}), model.inference.latent_dim).to(
        x.device
    )
    prior = candidates.square().sum(1) / 2
    with_prior, without = [], []
    for c in range(model.inference.classes):
        decoded = model.inference.decode(c, candidates).flatten(1)
        value = decoded.square().sum(1) - 2 * x.flatten(1) @ decoded.T
        with_prior.append(candidates[(value + prior).argmin(1)])
        without.append(candidates[value.argmin(1)])
    return torch.stack(with_prior, 1), torch.stack(without, 1)


def search(
    model: ABS, x: Tensor, latents: Tensor, prior: float, settings: PaperBoundsSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """From latents (N, C, 8), for images x (N, 1, 28, 28) or one for each class (N, C, 1, 28, 28).

    Returns:
        min_z ||G_c(z) - x||^2 + prior/2 ||z||^2 (N, C), the latents and the residuals G_c(z) - x (N, C, 784).
    """
    n, classes, _ = latents.shape
    x = x.view(n, -1, *x.shape[-3:]).expand(-1, classes, -1, -1, -1).flatten(0, 1)
    c = torch.arange(classes, device=x.device).repeat(n)
    value, z = model.inference.refine(x, c, latents.flatten(0, 1), settings.evaluations, prior)
    residual = (model.inference.decode(c, z) - x).flatten(1)
    return value.view(n, classes), z.view(n, classes, -1), residual.view(n, classes, -1)
