"""The two calibrations of the models: alpha and eta of the softmax (eq. 4), gamma of Binary ABS (section 3)."""

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logsumexp

from analysis_by_synthesis.params.class_scalars import ClassScalars


def posterior(logits: np.ndarray, alpha: float, eta: float) -> np.ndarray:
    """p(y|x) (N, 10) of eq. 4 from logits l_y (N, 10): (exp(alpha l_y) + eta) / sum_c (exp(alpha l_c) + eta)."""
    with np.errstate(divide="ignore"):  # eta may be 0
        log_likelihood = np.logaddexp(alpha * logits.astype(np.float64), np.log(eta))
    return np.exp(log_likelihood - logsumexp(log_likelihood, axis=1, keepdims=True))


def calibrate(logits: np.ndarray, labels: np.ndarray, median_confidence: float) -> tuple[float, float]:
    """alpha, which minimises the cross-entropy without eta, and eta, which then lowers the median confidence as wanted.

    eta is 0 where the confidence is not above that anyway.
    """
    logits = logits.astype(np.float64)

    def cross_entropy(log_alpha: float) -> float:
        scaled = np.exp(log_alpha) * logits
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]).mean())

    def confidence(log_eta: float) -> float:
        return float(np.median(posterior(logits, alpha, np.exp(log_eta)).max(1)))

    alpha = float(np.exp(minimize_scalar(cross_entropy, bounds=(np.log(1e-3), np.log(1e3)), method="bounded").x))
    if confidence(-np.inf) <= median_confidence:
        return alpha, 0.0
    least, most = alpha * logits.min() - 40, alpha * logits.max() + 10  # eta without effect, and with nothing beside it
    log_eta = brentq(lambda value: confidence(value) - median_confidence, least, most)
    return alpha, float(np.exp(log_eta))


def fit_class_scalars(distances: np.ndarray, labels: np.ndarray, settings: ClassScalars) -> np.ndarray:
    """gamma (10,) for distances D_c (N, 10) and labels (N,): coordinate-wise line search on accuracy.

    Among equally good scalars of a class the one nearest to 1 is taken.
    """
    gamma = np.ones(distances.shape[1])
    grid = np.linspace(settings.lowest, settings.highest, settings.grid)
    grid = grid[np.abs(grid - 1).argsort(kind="stable")]

    def accuracy(c: int, value: float) -> float:
        trial = np.where(np.arange(len(gamma)) == c, value, gamma)
        return ((trial * distances).argmin(1) == labels).mean()

    for _ in range(settings.sweeps):
        for c in range(len(gamma)):
            gamma[c] = max(grid, key=lambda value: accuracy(c, value))
    return gamma
