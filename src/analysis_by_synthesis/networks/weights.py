"""Weights on disk: safetensors, and an error that says what is wrong with a file."""

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's parameters and buffers under their names in its state_dict."""
    with replacing(path) as partial:
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, partial)


def load_weights(network: Network, path: Path) -> Network:
    """Fill the network from a safetensors file; it is returned in evaluation mode.

    Raises:
        UserError: the file is missing or damaged, a key is missing or unknown, a shape differs, or a value is not finite.
    """
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path} is not here; take it from git, or run: dvc repro") from None
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file ({error}); take it from git, or run: dvc repro") from None
    consume_prefix_in_state_dict_if_present(weights, "module.")  # as nn.DataParallel names them
    expected = network.state_dict()
    if unmatched := sorted(expected.keys() ^ weights.keys()):
        verdict = "lacks" if unmatched[0] in expected else "has the unknown key"
        raise UserError(f"{path} {verdict} {unmatched[0]}; it is not for this network.")
    for key, value in weights.items():
        if value.shape != expected[key].shape:
            shapes = f"{tuple(value.shape)} instead of {tuple(expected[key].shape)}"
            raise UserError(f"{path}: {key} has the shape {shapes}; it is not for this network.")
        if not value.isfinite().all():
            raise UserError(f"{path}: {key} holds values that are not finite; train it again.")
    network.load_state_dict(weights)
    return network.eval()
