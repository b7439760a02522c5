"""alpha and eta of the softmax (eq. 4), and the probabilities that it gives."""

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logsumexp


def posterior(logits: np.ndarray, alpha: float, eta: float) -> np.ndarray:
    """p(y|x) (N, 10) of eq. 4 from logits l_y (N, 10): (exp(alpha l_y) + eta) / sum_c (exp(alpha l_c) + eta)."""
    with np.errstate(divide="ignore"):  # eta may be 0
        log_likelihood = np.logaddexp(alpha * logits.astype(np.float64), np.log(eta))
    probability: np.ndarray = np.exp(log_likelihood - logsumexp(log_likelihood, axis=1, keepdims=True))
    return probability


def calibrate(logits: np.ndarray, labels: np.ndarray, median_confidence: float) -> tuple[float, float]:
    """alpha, which minimises the cross-entropy without eta, and eta, which then lowers the median confidence as wanted.

    eta is 0 where the confidence is not above that anyway.

    Args:
        logits: (N, C).
        labels: (N,).
        median_confidence: of the largest of the C probabilities, at least 1 / C.
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
