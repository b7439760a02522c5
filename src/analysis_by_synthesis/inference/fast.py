"""The inference on CPUs with AVX2 or AVX-512: compiled kernels on a pool of threads."""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from analysis_by_synthesis.inference import kernels
from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.inference.engine import Inference, Runs
from analysis_by_synthesis.inference.kernels import LANES, LATENT, PIXELS
from analysis_by_synthesis.inference.settings import InferenceSettings
from analysis_by_synthesis.inference.tables import Screen, build_tables, cached_tables, full_screen
from analysis_by_synthesis.networks.vae import Decoder


class FastInference(Inference):
    """A task is as many problems of one class as a vector has lanes; as many threads share the tasks as `torch.get_num_threads()` says.

    The result for an image is, bit for bit, independent of the batch that it sits in and of the number of threads.
    """

    images_at_once = 512

    def __init__(self, decoders: Sequence[Decoder], settings: InferenceSettings) -> None:
        super().__init__(decoders, settings, candidate_latents(settings))
        self._latents = self.candidates.numpy()
        self._parameters = [kernels.pack_parameters(*_folded(decoder)) for decoder in decoders]
        self._pool = ThreadPoolExecutor(torch.get_num_threads())
        self._thread = threading.local()
        components = settings.principal_components
        self._tables = cached_tables(
            b"".join(p.tobytes() for p in self._parameters) + self._latents.tobytes() + str(components).encode(),
            lambda: build_tables(self.classes, self._latents, components, self._decode, self._inverse_hessians),
        )

    def decode(self, classes: Tensor | int, latents: Tensor) -> Tensor:
        classes = np.full(len(latents), classes) if isinstance(classes, int) else classes.numpy()
        return torch.from_numpy(self._decode(classes, _rows(latents))).view(-1, 1, 28, 28)

    def _starts(self, x: Tensor, starts: int) -> Runs:
        images, tables = _rows(x), self._tables
        points = [aligned(LANES * (self.settings.principal_components + 1)) for _ in _groups(len(x))]
        basis = tables.basis.reshape(-1)
        self._map(
            lambda lanes, at: kernels.project(images, lanes, tables.mean, basis, at, self._workspace()),
            zip(_groups(len(x)), points),
        )
        found, scores = self._nearest(points, tables.screen, starts, len(x))
        inverse = torch.from_numpy(tables.inverse_hessians[np.arange(self.classes)[:, None], found])
        latent = self.candidates[torch.from_numpy(found)]
        return Runs.at(latent, torch.from_numpy(scores), inverse.unflatten(3, (LATENT, LATENT)))

    def _inverse_hessian(self, classes: Tensor, latents: Tensor) -> Tensor:
        return torch.from_numpy(self._inverse_hessians(classes.numpy(), _rows(latents))).view(-1, LATENT, LATENT)

    def descend(
        self, x: Tensor, image: Tensor, classes: Tensor, runs: Runs, evaluations: int, prior: float = 1.0
    ) -> Runs:
        images, image = _rows(x), image.numpy()
        bfgs = self.settings.bfgs
        constants = (bfgs.armijo, bfgs.longest_step, bfgs.strongest_backtrack, bfgs.least_curvature, prior)
        runs = runs.copy()
        state = [_rows(t) for t in runs.fields()]
        self._for_each_class(
            classes.numpy(),
            lambda p, lanes: kernels.bfgs(p, images, image, *state, lanes, evaluations, constants, self._workspace()),
        )
        return runs

    def _protocol(self, x: Tensor) -> tuple[Tensor, Tensor]:
        images = _rows(x)
        points = []
        for lanes in _groups(len(x)):
            pixels = aligned(LANES * (PIXELS + 1)).reshape(-1, LANES)
            pixels[:PIXELS, : len(lanes)] = images[lanes].T
            points.append(pixels.reshape(-1))
        found, _ = self._nearest(points, self._full_screen, 1, len(x))
        latents = self._latents[found[:, :, 0]].reshape(-1, LATENT)
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
        return full_screen(self.classes, self._latents, self._decode)

    def _nearest(self, points: list[np.ndarray], screen: Screen, starts: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices and scores (n, C, starts) of the best candidates for groups of images, one in each lane."""
        found = np.empty((self.classes, len(points), LANES, starts), np.int64)
        scores = np.empty(found.shape, np.float32)

        def search(c: int, group: int) -> None:
            kernels.nearest(
                points[group],
                screen.coordinates[c].reshape(-1),
                screen.constants[c],
                self._latents,
                self.settings.separation,
                found[c, group],
                scores[c, group],
                self._scores(),
            )

        self._map(search, np.ndindex(self.classes, len(points)))
        return tuple(
            np.ascontiguousarray(a.reshape(self.classes, -1, starts)[:, :n].swapaxes(0, 1)) for a in (found, scores)
        )

    def _decode(self, classes: np.ndarray, latents: np.ndarray) -> np.ndarray:
        images = np.empty((len(latents), PIXELS), np.float32)
        self._for_each_class(classes, lambda p, lanes: kernels.decode(p, latents, images, lanes, self._workspace()))
        return images

    def _inverse_hessians(self, classes: np.ndarray, latents: np.ndarray) -> np.ndarray:
        hessians = np.empty((len(latents), LATENT * LATENT), np.float32)
        self._for_each_class(
            classes, lambda p, lanes: kernels.gauss_newton(p, latents, hessians, lanes, self._workspace())
        )
        return np.linalg.inv(hessians.reshape(-1, LATENT, LATENT)).reshape(-1, LATENT * LATENT)

    def _for_each_class(self, classes: np.ndarray, task: Callable[[np.ndarray, np.ndarray], None]) -> None:
        """Run task(parameters of a class, indices of problems of that class) until all problems are done."""
        of_class = (np.flatnonzero(classes == c) for c in range(self.classes))
        for_class = zip(self._parameters, of_class)
        self._map(task, ((p, same[lanes]) for p, same in for_class for lanes in _groups(len(same))))

    def _map(self, task: Callable, arguments) -> None:
        for _ in self._pool.map(lambda a: task(*a), arguments):
            pass

    def _workspace(self) -> np.ndarray:
        if not hasattr(self._thread, "workspace"):
            self._thread.workspace = aligned(kernels.WORKSPACE)
        return self._thread.workspace

    def _scores(self) -> np.ndarray:
        if not hasattr(self._thread, "scores"):
            self._thread.scores = aligned(LANES * (self._tables.constants.shape[1] + LATENT))
        return self._thread.scores


def _rows(t: Tensor) -> np.ndarray:
    """A tensor (N, ...) as (N, K), without a copy where it is contiguous and float32."""
    return t.detach().float().contiguous().view(len(t), math.prod(t.shape[1:])).numpy()


def _groups(n: int) -> list[np.ndarray]:
    return [np.arange(first, min(first + LANES, n)) for first in range(0, n, LANES)]


def aligned(size: int) -> np.ndarray:
    """Zeros, aligned as vectors have to be."""
    memory = np.zeros(size + LANES, np.float32)
    start = -memory.ctypes.data // memory.itemsize % LANES
    return memory[start : start + size]


def _folded(decoder: Decoder) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and biases of the four transposed convolutions, with batch norm folded in."""
    weights, biases = [], []
    for i in range(4):
        convolution = getattr(decoder, f"conv_{i}")
        weight, bias = convolution.weight.detach().cpu().double(), convolution.bias.detach().cpu().double()
        norm = getattr(decoder, f"bn_{i}", None)
        if norm is not None:
            mean, variance, gain, shift = (
                t.detach().cpu().double() for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
            )
            scale = gain / (variance + norm.eps).sqrt()
            weight, bias = weight * scale[:, None, None], (bias - mean) * scale + shift
        weights.append(weight.numpy())
        biases.append(bias.numpy())
    return weights, biases
