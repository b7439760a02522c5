"""CUDA graphs: what Python has asked for once, a GPU does again without Python."""

import gc
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

GRAPHS = 12  # of one function, each for other shapes or settings


class Graph(NamedTuple):
    """A CUDA graph, and where in memory it finds its inputs and leaves its outputs."""

    graph: torch.cuda.CUDAGraph
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


class Replayed:
    """A function of tensors: on a GPU it is recorded as a CUDA graph for each shape of its inputs, and then replayed.

    The graphs used last are kept; they share their memory, and threads take turns. Within another recording, the function
    becomes a part of that.

    Args:
        function: of tensors, and of settings that can be hashed; it mustn't wait for the GPU, and asked the same again it
            must leave everything as it is. Its outputs are at least as long as its first input, and are cut to that length.
        lengthen: inputs to the next power of two, by NaN or -1, which the function takes for nothing: so that there are
            few shapes.
    """

    recording = False
    turn = threading.RLock()

    def __init__(self, function: Callable[..., Sequence[Tensor]], lengthen: bool) -> None:
        self.function, self.lengthen = function, lengthen
        self._recorded: dict[tuple[Hashable, ...], Graph] = {}
        self._memory: Any = None

    def __call__(self, *inputs: Tensor, **settings: Any) -> Sequence[Tensor]:
        if not inputs[0].is_cuda:
            return self.function(*inputs, **settings)
        with Replayed.turn:
            return self.function(*inputs, **settings) if Replayed.recording else self._replay(inputs, settings)

    def _replay(self, inputs: Sequence[Tensor], settings: dict[str, Any]) -> Sequence[Tensor]:
        shapes = [(self._length(len(t)), *t.shape[1:]) for t in inputs]
        key = *shapes, *settings.items()
        recorded = self._recorded.pop(key, None)
        if recorded is None:
            places = [_fill(t.new_empty(shape), t) for t, shape in zip(inputs, shapes)]
            recorded = self._record(places, settings)
            while len(self._recorded) >= GRAPHS:
                del self._recorded[next(iter(self._recorded))]
        self._recorded[key] = recorded
        for place, t in zip(recorded.inputs, inputs):
            _fill(place, t)
        recorded.graph.replay()
        return tuple(t[: len(inputs[0])].clone() for t in recorded.outputs)

    def _length(self, n: int) -> int:
        return 2 ** max(n - 1, 0).bit_length() if self.lengthen else n

    def _record(self, places: Sequence[Tensor], settings: dict[str, Any]) -> Graph:
        if self._memory is None:
            gc.collect()  # the graphs of owners that are no more
            self._memory = torch.cuda.graph_pool_handle()
        stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        Replayed.recording = True
        gc.disable()  # a graph that is destroyed meanwhile would spoil the recording
        try:
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):  # a graph can't be recorded before its kernels have run once
                self.function(*places, **settings)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(graph, pool=self._memory):
                outputs = self.function(*places, **settings)
        finally:
            gc.enable()
            Replayed.recording = False
        return Graph(graph, places, outputs)


def _fill(place: Tensor, t: Tensor) -> Tensor:
    place[: len(t)].copy_(t)
    if len(t) < len(place):
        place[len(t) :].fill_(torch.nan if place.is_floating_point() else -1)
    return place
