"""The constants of the classes that D leaves out.

-log p(x|c) is D_c(x) (eq. 3, 5) and what the variance of the posterior costs. That hardly depends on the image, so the paper
drops it. It does depend on the class, since a class of more various images takes a more exact posterior: without constants the
classes are not compared by their likelihoods.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp


def fit_class_offsets(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A constant (C,) for each class, the first 0, which minimise the cross-entropy of the logits -D_c - offset_c.

    Args:
        distances: D_c (N, C), of images that no VAE was trained on: of those that it knows, D is too small.
        labels: (N,).
    """
    distances = distances.astype(np.float64)

    def cross_entropy(others: np.ndarray) -> float:
        logits = -distances - np.append(0, others)
        return float((logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean())

    found = minimize(cross_entropy, np.zeros(distances.shape[1] - 1), method="BFGS").x
    offsets: np.ndarray = np.append(0, found)
    return offsets
