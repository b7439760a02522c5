"""The exact L2 robustness of Nearest Neighbor: which perturbation brings an image nearest to another class.

x + delta is as near to a reference r of another class as to every reference s of its own where

    2 delta.(r - s) >= ||x - r||^2 - ||x - s||^2   for all s,   and x + delta in [0, 1].

The shortest such delta is a problem of least distance (Lawson & Hanson, Solving Least Squares Problems, chapter 23). The
problems of all r stand in a queue by lower bounds of their minima, at first by those of a few s alone. That of the least
bound is solved with the conditions that it has; those that its solution breaks are added. The first solution that breaks
none and isn't longer than the next bound is the minimum over all r. The solver meets the conditions that it has up to
rounding, so these count as met.
"""

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

TOLERANCE = 1e-7  # of squared distances and of pixels
FIRST = 50  # references of the own class that give the first bounds; no result depends on it
ADDED = 3  # references added at once; no result depends on it


class Nearest(NamedTuple):
    """The shortest perturbation.

    Attributes:
        distance: its L2 norm.
        image: x + delta (D,), on the boundary between the classes.
        reference: the index of the other class's reference.
    """

    distance: float
    image: Floats
    reference: int


@dataclass
class _Conditions:
    """What is asked of the perturbation that leads to one reference: of so many of the own class's, and of pixels."""

    own: list[int]
    dark: list[int] = field(default_factory=list)
    bright: list[int] = field(default_factory=list)


def nearest_of_another_class(x: Floats, own: Floats, others: Floats) -> Nearest:
    """The least perturbation of x (D,) in [0, 1] after which a reference of another class is as near as any of its own.

    Args:
        own: references (M, D) of the image's class.
        others: references (K, D) of all other classes.
    """
    to_own, to_others = (((part - x) ** 2).sum(1) for part in (own, others))
    first = to_own.argsort()[:FIRST]
    between = (others**2).sum(1)[:, None] + (own[first] ** 2).sum(1) - 2 * others @ own[first].T
    bounds = (to_others[:, None] - to_own[first]) / (2 * np.sqrt(between.clip(TOLERANCE)))
    known = [_Conditions([int(first[s])]) for s in bounds.argmax(1)]
    queue = [(max(0.0, float(bound)), r) for r, bound in enumerate(bounds.max(1))]
    heapq.heapify(queue)
    while True:
        bound, r = heapq.heappop(queue)
        conditions = known[r]
        delta = _solve(x, others[r] - own[conditions.own], to_others[r] - to_own[conditions.own], conditions)
        image = x + delta
        nearer = ((image - others[r]) ** 2).sum() - ((image - own) ** 2).sum(1)
        nearer[conditions.own] = 0
        own_broken = [int(s) for s in nearer.argsort()[::-1][:ADDED] if nearer[s] > TOLERANCE]
        dark, bright = (
            sorted(set(np.flatnonzero(beyond > TOLERANCE).tolist()).difference(asked))
            for beyond, asked in ((-image, conditions.dark), (image - 1, conditions.bright))
        )
        length = max(bound, float(np.linalg.norm(delta)))
        if not own_broken + dark + bright and (not queue or length <= queue[0][0]):
            return Nearest(length, image, r)
        conditions.own += own_broken
        conditions.dark += dark
        conditions.bright += bright
        heapq.heappush(queue, (length, r))


def _solve(x: Floats, away: Floats, excess: Floats, conditions: _Conditions) -> Floats:
    """The shortest delta (D,) with 2 delta.away >= excess that keeps the pixels of the conditions in [0, 1]."""
    identity = np.eye(len(x))
    g = np.concatenate([2 * away, identity[conditions.dark], -identity[conditions.bright]])
    h = np.concatenate([excess, -x[conditions.dark], x[conditions.bright] - 1])
    return least_distance(g, h)


def least_distance(g: Floats, h: Floats) -> Floats:
    """The shortest vector v (D,) with g v >= h, for g (N, D) and h (N,) that some v meets."""
    rows = np.concatenate([g.T, h[None]])
    target = np.zeros(len(rows))
    target[-1] = 1.0
    multipliers, _ = nnls(rows, target, maxiter=100 * len(h))
    residual = rows @ multipliers - target
    solution: Floats = -residual[:-1] / residual[-1]
    return solution
