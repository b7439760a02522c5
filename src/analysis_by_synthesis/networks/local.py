"""A convolutional network's outputs for images that differ from a known one in a single pixel.

A pixel reaches but a window of each layer's output. Only that is computed anew, until it is as large as the output itself.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from analysis_by_synthesis.networks.binarize import Binarize

POINTWISE = (nn.ELU, nn.ReLU)


class Change(NamedTuple):
    """What has changed in the maps of N images: windows of h x w, nothing elsewhere.

    Attributes:
        by: (N, C, h, w); 0 outside of the maps.
        corner: row and column of the windows' first elements in the maps (N, 2); it may lie outside of them.
    """

    by: Tensor
    corner: Tensor


@torch.no_grad()
def near(network: nn.Sequential, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The outputs of images (N, C, H, W), as a function; those that differ from x (1, C, H, W) in one value at most cost least.

    They differ from those of the network by rounding alone.
    """
    layers = list(network)
    observed, inputs = x, x
    if isinstance(layers[0], Binarize):
        binarize = layers.pop(0)
        observed = inputs = binarize(x)
    before = []  # the inputs of all layers
    for layer in layers:
        before.append(inputs)
        inputs = layer(inputs.clone())  # some layers work in place
    of_x = inputs

    @torch.no_grad()
    def outputs(images: Tensor) -> Tensor:
        images = images if observed is x else binarize(images)
        changed = (images != observed).flatten(1)
        number = changed.sum(1)
        found = of_x.repeat(len(images), *[1] * (of_x.ndim - 1))
        one, more = number == 1, number > 1
        if one.any():
            by = (images - observed)[one]
            _, _, row, column = by.nonzero(as_tuple=True)
            by = by.sum((2, 3), keepdim=True)  # of one value and zeros
            found[one] = _outputs(layers, before, Change(by, torch.stack([row, column], 1)))
        if more.any():
            found[more] = nn.Sequential(*layers)(images[more])
        return found

    return outputs


def _outputs(layers: Sequence[nn.Module], before: Sequence[Tensor], change: Change) -> Tensor:
    """What the layers make of changed inputs of the first one; `before` are the inputs of all layers without it."""
    for i, layer in enumerate(layers):
        after = _local(layer, before[i], before[i + 1], change) if i + 1 < len(layers) else None
        if after is None:  # the change is everywhere now
            outputs: Tensor = nn.Sequential(*layers[i:])(_all(before[i], change))
            return outputs
        change = after
    raise AssertionError("the last layer has no window")


def _local(layer: nn.Module, inputs: Tensor, outputs: Tensor, change: Change) -> Change | None:
    """The change of a layer's outputs, where it is local; inputs and outputs (1, C, H, W) are those without it."""
    if isinstance(layer, POINTWISE):
        by = layer(_window(inputs, change.corner, change.by.shape[2]) + change.by)
        return _masked(by - _window(outputs, change.corner, by.shape[2]), change.corner, outputs)
    if isinstance(layer, nn.Conv2d):
        kernel, stride, padding = (int(of[0]) for of in (layer.kernel_size, layer.stride, layer.padding))
    elif isinstance(layer, nn.MaxPool2d):
        assert isinstance(layer.kernel_size, int) and isinstance(layer.stride, int)
        kernel, stride, padding = layer.kernel_size, layer.stride, 0
    else:
        return None
    size = (change.by.shape[2] + kernel - 2) // stride + 1
    if size >= min(outputs.shape[2:]):
        return None
    corner = -((kernel - 1 - padding - change.corner) // stride)  # rounded up
    canvas = _blank(change.by, (size - 1) * stride + kernel, (size - 1) * stride + kernel)
    origin = corner * stride - padding
    _put(canvas, change.by, change.corner - origin)
    if isinstance(layer, nn.Conv2d):
        by = nn.functional.conv2d(canvas, layer.weight, stride=layer.stride)
    else:
        by = layer(_window(inputs, origin, canvas.shape[2]) + canvas) - _window(outputs, corner, size)
    return _masked(by, corner, outputs)


def _all(inputs: Tensor, change: Change) -> Tensor:
    """The changed inputs (N, C, H, W)."""
    margin = change.by.shape[2]
    height, width = inputs.shape[2:]
    canvas = _blank(change.by, height + 2 * margin, width + 2 * margin)
    _put(canvas, change.by, change.corner + margin)
    return inputs + canvas[:, :, margin:-margin, margin:-margin]


def _positions(corner: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Rows (N, size, 1) and columns (N, 1, size) of windows."""
    steps = torch.arange(size, device=corner.device)
    return corner[:, 0, None, None] + steps[:, None], corner[:, 1, None, None] + steps


def _window(maps: Tensor, corner: Tensor, size: int) -> Tensor:
    """Windows (N, C, size, size) of maps (1, C, H, W); outside of these, whatever stands at the edge."""
    rows, columns = _positions(corner, size)
    found = maps[0].permute(1, 2, 0)[rows.clamp(0, maps.shape[2] - 1), columns.clamp(0, maps.shape[3] - 1)]
    return found.permute(0, 3, 1, 2)


def _blank(by: Tensor, height: int, width: int) -> Tensor:
    """Zeros (N, C, height, width), channels last in memory."""
    return by.new_zeros(len(by), height, width, by.shape[1]).permute(0, 3, 1, 2)


def _put(canvas: Tensor, by: Tensor, corner: Tensor) -> None:
    rows, columns = _positions(corner, by.shape[2])
    images = torch.arange(len(by), device=by.device)[:, None, None]
    canvas.permute(0, 2, 3, 1)[images, rows, columns] = by.permute(0, 2, 3, 1)


def _masked(by: Tensor, corner: Tensor, maps: Tensor) -> Change:
    """The change of maps (1, C, H, W); windows may stick out of them."""
    rows, columns = _positions(corner, by.shape[2])
    inside = (rows >= 0) & (rows < maps.shape[2]) & (columns >= 0) & (columns < maps.shape[3])
    return Change(by * inside[:, None], corner)
