"""The smallest perturbation inside all cuts at once, by solvers that share nothing with the search for mixtures.

For a latent of another class each latent of the true class leaves a half-space slope_j . delta >= constant_j. Where one
mixture after the other gives a value from below (bounds.cuts), here is the minimum itself: linear programs by HiGHS; in
L2 of ABS the concave dual over the multipliers of the cuts. In double precision, one image at a time.
"""

import numpy as np
import torch
from scipy.optimize import OptimizeResult, linprog, minimize
from scipy.sparse import bmat, eye

from analysis_by_synthesis.bounds.single_perturbation import Chosen, Energies, Flipped, Perturbations, Stretched

RESTARTS = 20
INSIDE = 1e-5  # share by which a solution may miss a cut


def exact_least(perturbations: Perturbations, half_spaces: Energies) -> tuple[float, np.ndarray]:
    """The size of the smallest perturbation of one image in J half-spaces, and the perturbation (784,).

    Args:
        perturbations: of one image (N = 1).
        half_spaces: constant (J,), slope (J, 784).

    Returns:
        inf and zeros where there is none, or none was found. Sizes are those of the relaxation, as in `Perturbations.least`.
    """
    constant, slope = (t.double().numpy() for t in (half_spaces.constant, half_spaces.slope))
    x = perturbations.x[0].double().numpy()
    if isinstance(perturbations, Stretched):
        return (_l2 if perturbations.norm == "l2" else _linf)(constant, slope, x)
    if isinstance(perturbations, Flipped):
        levels = perturbations.levels[0].double().numpy()
        return _flipped(constant, slope * (1 - 2 * x), perturbations.level[0].numpy(), levels, 1 - 2 * x)
    assert isinstance(perturbations, Chosen)
    ways = torch.stack([1 - perturbations.x, perturbations.x], 1)
    size, delta = _chosen(constant, slope, x, perturbations.cost(ways)[0].double().numpy())
    return (np.sqrt(size) if perturbations.norm == "l2" else size), delta


def _l2(constant: np.ndarray, slope: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
    """min ||delta|| with slope delta >= constant, x + delta in [0, 1]: max over mu >= 0 of the Lagrangian's minimum.

    For multipliers mu the minimum of ||delta||^2 - 2 mu . (slope delta - constant) is at slope' mu, cut off at the box.
    """
    scale = np.linalg.norm(slope, axis=1)
    constant, slope = constant / scale, slope / scale[:, None]

    def delta_at(mu: np.ndarray) -> np.ndarray:
        delta: np.ndarray = np.clip(slope.T @ mu, -x, 1 - x)
        return delta

    def negative_dual(mu: np.ndarray) -> tuple[float, np.ndarray]:
        delta = delta_at(mu)
        short = constant - slope @ delta
        return -(delta @ delta + 2 * mu @ short), -2 * short

    mu, bounds = np.maximum(constant, 0) / len(constant), [(0, None)] * len(constant)
    for _ in range(RESTARTS):  # nearly parallel cuts make a single pass stop early
        for method, options in (
            ("L-BFGS-B", {"ftol": 1e-15, "gtol": 1e-10}),
            ("SLSQP", {"ftol": 1e-14, "maxiter": 200}),
        ):
            found = minimize(negative_dual, mu, jac=True, bounds=bounds, method=method, options=options)
            if found.fun <= negative_dual(mu)[0]:
                mu = found.x
        if -negative_dual(mu)[0] > len(x):  # the dual grows without limit: there is no such perturbation
            return np.inf, np.zeros_like(x)
        delta = delta_at(mu)
        if (slope @ delta >= constant - INSIDE * abs(constant)).all():
            return np.sqrt(max(0.0, -negative_dual(mu)[0])), delta
    return np.inf, np.zeros_like(x)


def _linf(constant: np.ndarray, slope: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
    """min t with slope delta >= constant, |delta_i| <= t, x + delta in [0, 1]."""
    n, ones = len(x), np.ones((len(x), 1))
    rows = bmat([[-slope, None], [eye(n), -ones], [-eye(n), -ones]], format="csr")
    limits = np.concatenate([-constant, np.zeros(2 * n)])
    bounds = [*zip(-x, 1 - x), (0, None)]
    return _solved(linprog(np.eye(n + 1)[-1], rows, limits, bounds=bounds, method="highs"), n)


def _chosen(constant: np.ndarray, slope: np.ndarray, x: np.ndarray, cost: np.ndarray) -> tuple[float, np.ndarray]:
    """min cost . (up, down), shares in [0, 1] of the ways of each pixel to 1 and to 0; costs (2, 784)."""
    gains = np.hstack([slope * (1 - x), -slope * x])
    found = linprog(cost.flatten(), -gains, -constant, bounds=(0, 1), method="highs")
    size, shares = _solved(found, 2 * len(x))
    return size, shares[: len(x)] * (1 - x) - shares[len(x) :] * x


def _flipped(
    constant: np.ndarray, gains: np.ndarray, level: np.ndarray, levels: np.ndarray, way: np.ndarray
) -> tuple[float, np.ndarray]:
    """The first level at which shares of flips reach all constants, and of the share of this level's flips the least."""

    def share_of(last: int) -> tuple[float, np.ndarray]:
        """The least share of the flips of level `last` that does, where all below are free; inf if none does."""
        n, at = len(level), level == last
        bounds = [*((0, float(of <= last)) for of in level), (0, 1)]
        rows = bmat([[-gains, None], [eye(n, format="csr")[at], -np.ones((at.sum(), 1))]], format="csr")
        limits = np.concatenate([-constant, np.zeros(at.sum())])
        return _solved(linprog(np.eye(n + 1)[-1], rows, limits, bounds=bounds, method="highs"), n)

    if (constant <= 0).all():
        return 0.0, np.zeros_like(way)
    low, high = 0, int(level.max())
    share, flips = share_of(high)
    if share == np.inf:
        return np.inf, np.zeros_like(way)
    while high - low > 1:
        middle = (low + high) // 2
        found = share_of(middle)
        if found[0] < np.inf:
            high, (share, flips) = middle, found
        else:
            low = middle
    return levels[high - 1] + share * (levels[high] - levels[high - 1]), flips * way


def _solved(found: OptimizeResult, variables: int) -> tuple[float, np.ndarray]:
    return (found.fun, found.x[:variables]) if found.status == 0 else (np.inf, np.zeros(variables))
