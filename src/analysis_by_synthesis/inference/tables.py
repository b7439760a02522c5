"""What the fast engine computes once for a set of decoders, and keeps on disk."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from analysis_by_synthesis.inference.kernels import BLOCK, PIXELS
from analysis_by_synthesis.stage import replacing
from analysis_by_synthesis.work import WORK

Decode = Callable[[np.ndarray, np.ndarray], np.ndarray]
VERSION = 1  # of what the files hold


@dataclass(frozen=True)
class Screen:
    """The decoded candidates as `kernels.nearest` reads them; K is a multiple of BLOCK.

    Attributes:
        coordinates: -2 times the candidates' coordinates (C, K / BLOCK, D, BLOCK).
        constants: squared norm + 1/2 ||z||^2 (C, K).
    """

    coordinates: np.ndarray
    constants: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, constants: np.ndarray) -> "Screen":
        """Screen for points (C, K', D) and constants (C, K'); K' is filled up with candidates that are never chosen."""
        classes, k, d = points.shape
        missing = -k % BLOCK
        coordinates = np.empty((classes, (k + missing) // BLOCK, d, BLOCK), np.float32)
        for of_class, its in zip(coordinates, points):
            of_class[:] = np.pad(-2 * its, ((0, missing), (0, 0))).reshape(-1, BLOCK, d).swapaxes(1, 2)
        constants = np.pad(constants, ((0, 0), (0, missing)), constant_values=np.inf)
        return cls(coordinates, np.ascontiguousarray(constants, np.float32))


@dataclass(frozen=True)
class Tables:
    """Principal components of the decoded candidates, the candidates in them, and the curvature of D at each.

    Attributes:
        mean: of the decoded candidates (784,).
        basis: D principal components (D / BLOCK, 784, BLOCK).
        coordinates, constants: of a Screen.
        inverse_hessians: (2 J'J + I)^-1 (C, candidates, 64).
    """

    mean: np.ndarray
    basis: np.ndarray
    coordinates: np.ndarray
    constants: np.ndarray
    inverse_hessians: np.ndarray

    @property
    def screen(self) -> Screen:
        return Screen(self.coordinates, self.constants)


def build_tables(classes: int, latents: np.ndarray, components: int, decode: Decode, inverse_hessian: Decode) -> Tables:
    """Decode all candidates (K, 8) of all classes, which takes seconds.

    Args:
        components: a multiple of 16.
        decode: classes (N,) and latents (N, 8) to images (N, 784).
        inverse_hessian: the same to (N, 64).
    """
    images = [decode(np.full(len(latents), c), latents) for c in range(classes)]
    sample = torch.from_numpy(np.concatenate([of_class[::8] for of_class in images])).double()
    mean = sample.mean(0)
    directions = torch.linalg.eigh((sample - mean).T @ (sample - mean)).eigenvectors[:, -components:].numpy()
    mean = mean.numpy()
    points = np.stack([(of_class - mean) @ directions for of_class in images])
    squares = np.stack([np.square(of_class - mean).sum(1) for of_class in images])
    screen = Screen.of(points, squares + np.square(latents).sum(1) / 2)
    return Tables(
        mean.astype(np.float32),
        np.ascontiguousarray(directions.reshape(PIXELS, -1, BLOCK).swapaxes(0, 1), np.float32),
        screen.coordinates,
        screen.constants,
        np.stack([inverse_hessian(np.full(len(latents), c), latents) for c in range(classes)]),
    )


def full_screen(classes: int, latents: np.ndarray, decode: Decode) -> Screen:
    """The candidates pixel by pixel."""
    images = np.stack([decode(np.full(len(latents), c), latents) for c in range(classes)])
    squares = np.stack([np.square(of_class, dtype=np.float64).sum(1) for of_class in images])
    return Screen.of(images, squares + np.square(latents).sum(1) / 2)


def cached_tables(key: bytes, build: Callable[[], Tables]) -> Tables:
    """The tables kept for this key, or newly built ones."""
    path = WORK / "inference" / f"{hashlib.sha256(key + bytes([VERSION, BLOCK])).hexdigest()[:16]}.npz"
    if path.exists():
        with np.load(path) as stored:
            return Tables(*(stored[field.name] for field in fields(Tables)))
    tables = build()
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **{field.name: getattr(tables, field.name) for field in fields(Tables)})
    return tables
