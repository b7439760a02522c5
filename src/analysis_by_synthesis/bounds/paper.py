"""The paper's lower bounds on the robustness of ABS: eq. 8 for L2, appendix A.6 for Linf.

With g_c(z) = G_c(z) - x, z_y the optimal latent of the true class, a = ||g_y(z_y)|| and D_y = D_y(x). Both bounds assume
that the searches over z of the other classes find the global minimum: what they miss makes the bound too large.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from analysis_by_synthesis.inference import Inference
from analysis_by_synthesis.params import Block, Count, Positive


class BoundsSettings(Block):
    """Args: images: the first so many test images; steps, learning_rate: of Adam, in searches over z without the prior;
    rounds: alternations between epsilon and z for Linf."""

    images: Count
    steps: Count
    learning_rate: Positive
    rounds: Count


def l2_bound(d: Tensor, a: Tensor, distance_y: Tensor) -> Tensor:
    """Eq. 8 for one class c: max(0, (d_c^2 - D_y) / (2 (d_c + a))), with d_c = min_z ||g_c(z)||; all (N,)."""
    return ((d.square() - distance_y) / (2 * (d + a))).clamp_min(0)


def linf_crossing(residual_c: Tensor, residual_y: Tensor, distance_y: Tensor) -> Tensor:
    """The largest epsilon (N,) at which the bounds of eq. 13 and 14 don't cross, for one latent of one class c.

    That is where D_y + sum_i (2 eps |g_y,i| + eps^2) = sum_i max(|g_c,i| - eps, 0)^2: the left grows with epsilon and
    the right falls, so it is found by bisection; 0 where they cross already at 0. (The cases printed in (13) don't
    bound from below; this is derived anew from (12).)

    Args:
        residual_c, residual_y: g_c(z) and g_y(z_y), (N, 784).
        distance_y: D_y (N,).
    """
    low, high = torch.zeros_like(distance_y), torch.ones_like(distance_y)
    pixels, magnitude = residual_y.shape[1], residual_y.abs().sum(1)
    for _ in range(30):
        eps = (low + high) / 2
        left = distance_y + 2 * eps * magnitude + pixels * eps.square()
        safe = left <= _shrunk_energy(residual_c, eps)
        low, high = torch.where(safe, eps, low), torch.where(safe, high, eps)
    return low


def _shrunk_energy(residual: Tensor, eps: Tensor) -> Tensor:
    """min over ||delta||_inf <= eps of ||residual - delta||^2: sum_i max(|residual_i| - eps, 0)^2, (N,)."""
    return (residual.abs() - eps[:, None]).clamp_min(0).square().sum(1)


def paper_bounds(
    inference: Inference, decoders: list, images: Tensor, labels: Tensor, settings: BoundsSettings
) -> dict[str, Tensor]:
    """Lower bounds for images (N, 1, 28, 28) with labels (N,).

    Returns:
        l2 and linf (N,), in the units of the distances; 0 for images that ABS misclassifies.
    """
    solution = inference.arbitrate(images)
    n = torch.arange(len(labels), device=images.device)
    distance_y = solution.distance[n, labels]
    residual_y = (solution.reconstruction[n, labels] - images).flatten(1)
    bounds = {norm: images.new_full(labels.shape, torch.inf) for norm in ("l2", "linf")}
    for c, decoder in enumerate(decoders):
        others = labels != c
        x, start = images[others], solution.latent[others, c]
        g_y, d_y = residual_y[others], distance_y[others]

        def residual(z: Tensor, decoder=decoder, x: Tensor = x) -> Tensor:
            return (decoder(z) - x).flatten(1)

        z = _minimise(lambda z: residual(z).square().sum(1), start, settings)
        l2 = l2_bound(residual(z).norm(dim=1), g_y.norm(dim=1), d_y)
        for _ in range(settings.rounds):
            eps = linf_crossing(residual(z), g_y, d_y)
            z = _minimise(lambda z, eps=eps: _shrunk_energy(residual(z), eps), z, settings)
        linf = linf_crossing(residual(z), g_y, d_y)
        for norm, bound in (("l2", l2), ("linf", linf)):
            bounds[norm][others] = bounds[norm][others].minimum(bound)
    correct = solution.distance.argmin(1) == labels
    return {norm: bound * correct for norm, bound in bounds.items()}


def _minimise(objective: Callable[[Tensor], Tensor], start: Tensor, settings: BoundsSettings) -> Tensor:
    """The best latents (N, 8) on the way of Adam from the start."""
    z = start.clone().requires_grad_()
    best, best_value = start.clone(), torch.full_like(start[:, 0], torch.inf)
    optimizer = torch.optim.Adam([z], settings.learning_rate)
    for _ in range(settings.steps):
        value = objective(z)
        better = value.detach() < best_value
        best[better], best_value[better] = z.detach()[better], value.detach()[better]
        optimizer.zero_grad()
        value.sum().backward()
        optimizer.step()
    return best
