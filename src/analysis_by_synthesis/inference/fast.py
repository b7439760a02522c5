"""The inference on CPUs with AVX2 or AVX-512: compiled kernels on a pool of threads."""

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis_by_synthesis.inference import kernels
from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.inference.engine import Inference, Runs
from analysis_by_synthesis.inference.folding import folded
from analysis_by_synthesis.inference.kernels import BLOCK, LANES, LATENT, PIXELS
from analysis_by_synthesis.inference.reference import TIED
from analysis_by_synthesis.inference.tables import build_tables, cached_tables
from analysis_by_synthesis.networks.vae import VAEDecoder
from analysis_by_synthesis.params.inference import InferenceSettings

GROUPS_AT_ONCE = 8  # whose candidates are looked for together: each of them is fetched from memory once
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TIE = 1e-2  # between scores, in squared pixel units: above what rounding does to them


@dataclass(frozen=True)
class Screen:
    """The decoded candidates as `kernels.nearest` reads them; K is a multiple of BLOCK.

    Attributes:
        coordinates: -2 times the candidates' coordinates (C, K / BLOCK, D, BLOCK).
        constants: squared norm + 1/2 ||z||^2 (C, K).
    """

    coordinates: Floats
    constants: Floats

    @classmethod
    def of(cls, points: Floats, constants: Floats) -> "Screen":
        """Screen for points (C, K', D) and constants (C, K'); K' is filled up with candidates that are never chosen."""
        classes, k, d = points.shape
        missing = -k % BLOCK
        coordinates = np.empty((classes, (k + missing) // BLOCK, d, BLOCK), np.float32)
        for of_class, its in zip(coordinates, points):
            of_class[:] = np.pad(-2 * its, ((0, missing), (0, 0))).reshape(-1, BLOCK, d).swapaxes(1, 2)
        constants = np.pad(constants, ((0, 0), (0, missing)), constant_values=np.inf)
        return cls(coordinates, np.ascontiguousarray(constants, np.float32))


class FastInference(Inference):
    """A task is as many problems of one class as a vector has lanes; threads, one for each core, share the tasks.

    The result for an image is, bit for bit, independent of the batch that it sits in and of the number of threads.
    """

    images_at_once = 512

    def __init__(self, decoders: Sequence[VAEDecoder], settings: InferenceSettings) -> None:
        super().__init__(decoders, settings, candidate_latents(settings, LATENT))
        self._latents = self.candidates.numpy()
        self._parameters = [
            kernels.pack_parameters(*([t.numpy() for t in part] for part in folded(decoder))) for decoder in decoders
        ]
        self._own = Workspace()
        components = settings.principal_components
        self._tables = cached_tables(
            b"".join(p.tobytes() for p in self._parameters) + self._latents.tobytes() + str(components).encode(),
            lambda: build_tables(self.classes, self.candidates, components, self.decode, self.jacobian),
        )
        self._basis = self._tables.basis.view(PIXELS, -1, BLOCK).transpose(0, 1).contiguous().view(-1).numpy()
        self._slopes = aligned(self._tables.slopes.numel()).reshape(self.classes, -1)
        self._slopes[:] = self._tables.slopes.flatten(1).numpy()
        self._tables = replace(self._tables, slopes=torch.from_numpy(self._slopes))
        self._screen = Screen.of(self._tables.coordinates.numpy(), self._tables.constants.numpy())

    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        decoded = self._decode(_of_each(classes, len(latents)), _rows(latents))
        return torch.from_numpy(decoded).view(-1, *self.image_shape)

    def jacobian(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        rows, jacobians = _rows(latents), np.empty((len(latents), LATENT * PIXELS), np.float32)
        self._for_each_class(
            _of_each(classes, len(latents)),
            lambda p, lanes: kernels.jacobian(p, rows, jacobians, lanes, self._workspace()),
        )
        return torch.from_numpy(jacobians).view(-1, LATENT, PIXELS).mT

    def _starts(self, x: Tensor, starts: int) -> Runs:
        images, tables = _rows(x), self._tables
        groups, mean = _groups(len(x)), tables.mean.numpy()
        points = aligned(len(groups) * LANES * (tables.basis.shape[1] + 1)).reshape(len(groups), -1)
        self._map(
            lambda lanes, at: kernels.project(images, lanes, mean, self._basis, at, self._workspace()),
            zip(groups, points),
        )
        found, scores = self._nearest(points, self._screen, max(starts, self.settings.finalists))
        shape = *found.shape[:3], starts
        chosen, values = np.empty(shape, np.int64), np.empty(shape, np.float32)
        ends = np.empty((*shape, LATENT), np.float32)
        limits = self.settings.bfgs.max_step, self.settings.separation

        def first_steps(c: int, group: int) -> None:
            these = c, group
            of_class = tables.offsets[c].numpy(), self._slopes[c], tables.inverse_hessians[c].numpy()
            outputs = chosen[these], ends[these], values[these], self._workspace()
            kernels.first_steps(points[group], found[these], scores[these], self._latents, *of_class, limits, *outputs)

        self._map(first_steps, np.ndindex(self.classes, len(points)))
        of, end, value = (torch.from_numpy(_by_image(a, len(x))) for a in (chosen, ends, values))
        return Runs.at(end, value, tables.inverse_hessians[torch.arange(self.classes)[:, None], of])

    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        rows, hessians = _rows(latents), np.empty((len(latents), LATENT * LATENT), np.float32)
        self._for_each_class(
            classes.numpy(), lambda p, lanes: kernels.gauss_newton(p, rows, hessians, lanes, self._workspace())
        )
        return torch.from_numpy(np.linalg.inv(hessians.reshape(-1, LATENT, LATENT)))

    def bfgs(self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0) -> Runs:
        images, of_image = _rows(x), image.numpy()
        how = self.settings.bfgs
        constants = (how.armijo, how.max_step, how.min_backtrack, how.min_curvature, prior)
        runs = runs.copy()
        state = [_rows(t) for t in runs.fields()]
        self._for_each_class(
            classes.numpy(),
            lambda p, lanes: kernels.bfgs(
                p, images, of_image, *state, lanes, evaluations, constants, self._workspace()
            ),
        )
        return runs

    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        images = _rows(x)
        groups = _groups(len(x))
        points = aligned(len(groups) * LANES * (PIXELS + 1)).reshape(len(groups), -1)
        for lanes, at in zip(groups, points):
            at.reshape(-1, LANES)[:PIXELS, : len(lanes)] = images[lanes].T
        found, scores = (_by_image(a, len(x)) for a in self._nearest(points, self._full_screen, TIED))
        latents = self._starts_of_protocol(images, found, scores).reshape(-1, LATENT)
        values = np.empty((len(latents), 1), np.float32)
        images = images.repeat(self.classes, 0)
        protocol = self.settings.protocol
        self._for_each_class(
            np.tile(np.arange(self.classes), len(x)),
            lambda p, lanes: kernels.adam(
                p, images, latents, values, lanes, protocol.steps, protocol.learning_rate, self._workspace()
            ),
        )
        shape = (len(x), self.classes)
        return torch.from_numpy(values).view(shape), torch.from_numpy(latents).view(*shape, LATENT)

    @cached_property
    def _full_screen(self) -> Screen:
        """The candidates pixel by pixel."""
        images = [self._decode(np.full(len(self._latents), c), self._latents) for c in range(self.classes)]
        squares = [np.square(of_class, dtype=np.float64).sum(1) for of_class in images]
        return Screen.of(np.stack(images), np.stack(squares) + np.square(self._latents).sum(1) / 2)

    def _nearest(self, points: Floats, screen: Screen, finalists: int) -> tuple[Integers, Floats]:
        """Indices and scores (C, groups, LANES, finalists) of the best candidates for groups of images, one in each lane."""
        found = np.zeros((self.classes, len(points), LANES, finalists), np.int64)
        scores = np.empty(found.shape, np.float32)

        def search(c: int, first: int) -> None:
            some = slice(first, first + GROUPS_AT_ONCE)
            of_class = screen.coordinates[c].reshape(-1), screen.constants[c]
            kernels.nearest(points[some].reshape(-1), *of_class, found[c, some], scores[c, some], self._workspace())

        self._map(search, itertools.product(range(self.classes), range(0, len(points), GROUPS_AT_ONCE)))
        return found, scores

    def _starts_of_protocol(self, images: Floats, found: Integers, scores: Floats) -> Floats:
        """The best of the candidates found (N, C, K), as latents (N, C, 8); where rounding could decide, in float64."""
        best = found[:, :, 0].copy()
        for n, c in np.argwhere(scores[:, :, 1] - scores[:, :, 0] < TIE):
            k = found[n, c]
            residual = self._full_screen.coordinates[c, k // BLOCK, :, k % BLOCK] / -2.0 - images[n].astype(np.float64)
            exact = np.square(residual).sum(1) + np.square(self._latents[k], dtype=np.float64).sum(1) / 2
            best[n, c] = k[exact.argmin()]
        starts: Floats = self._latents[best]
        return starts

    def _decode(self, classes: Integers, latents: Floats) -> Floats:
        images = np.empty((len(latents), PIXELS), np.float32)
        self._for_each_class(classes, lambda p, lanes: kernels.decode(p, latents, images, lanes, self._workspace()))
        return images

    def _for_each_class(self, classes: Integers, task: Callable[[Floats, Integers], None]) -> None:
        """Run task(parameters of a class, indices of problems of that class) until all problems are done."""
        of_class = (np.flatnonzero(classes == c) for c in range(self.classes))
        for_class = zip(self._parameters, of_class)
        self._map(task, ((p, same[lanes]) for p, same in for_class for lanes in _groups(len(same))))

    def _map(self, task: Callable[..., None], arguments: Iterable[tuple[Any, ...]]) -> None:
        for _ in _pool(os.getpid()).map(lambda a: task(*a), arguments):
            pass

    def _workspace(self) -> Floats:
        return self._own.floats


class Workspace(threading.local):
    """Memory of a thread's own for the kernels."""

    def __init__(self) -> None:
        self.floats = aligned(kernels.WORKSPACE)


def threads() -> int:
    """The cores that this process may use, or as many as OMP_NUM_THREADS says."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of one process: a forked one has none of its parent's."""
    return ThreadPoolExecutor(threads())


def _rows(t: Tensor) -> Floats:
    """A tensor (N, ...) as (N, K), without a copy where it is contiguous and float32."""
    return t.detach().float().contiguous().view(len(t), math.prod(t.shape[1:])).numpy()


def _by_image(a: NDArray[Any], n: int) -> NDArray[Any]:
    """What there is for groups of lanes (C, groups, LANES, ...) as (n, C, ...)."""
    return np.ascontiguousarray(a.reshape(len(a), -1, *a.shape[3:])[:, :n].swapaxes(0, 1))


def _groups(n: int) -> list[Integers]:
    return [np.arange(first, min(first + LANES, n)) for first in range(0, n, LANES)]


def _of_each(classes: Tensor | int, n: int) -> Integers:
    """Classes (n,), of one for all too."""
    return np.full(n, classes) if isinstance(classes, int) else classes.numpy()


def aligned(size: int) -> Floats:
    """Zeros, aligned as vectors have to be."""
    memory = np.zeros(size + LANES, np.float32)
    start = -memory.ctypes.data // memory.itemsize % LANES
    return memory[start : start + size]
