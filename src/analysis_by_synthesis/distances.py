"""Distances between images in [0, 1] (section 2): L2 is the norm, L0 counts pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["l0", "l2", "linf"]  # of Table 1
NORMS: tuple[Norm, ...] = ("l2", "linf", "l0")
Metric = Literal["l0", "l1", "l2", "linf"]
METRICS: tuple[Metric, ...] = (*NORMS, "l1")
NORM_NAMES: dict[Norm, str] = {"l2": "L2", "linf": "Linf", "l0": "L0"}

L0_TOLERANCE = 1e-6  # pixels that differ by no more than this count as equal; 1/255 is 0.0039


def distance(x: Tensor, y: Tensor, norm: Metric) -> Tensor:
    """Distances (N,) between images (N, 1, 28, 28)."""
    difference = (x - y).flatten(1)
    if norm == "l0":
        return (difference.abs() > L0_TOLERANCE).sum(1).to(x.dtype)
    if norm == "l2":
        length: Tensor = difference.norm(dim=1)
        return length
    return difference.abs().sum(1) if norm == "l1" else difference.abs().amax(1)
