"""The networks that the authors released as ours.

They are PyTorch state dicts. In the VAEs' the names are Encoder.conv_0.weight, ..., Decoder.conv_3.bias, where ours begin with a
small letter; in the classifiers' conv_0.weight, bn_0.running_mean, ..., where ours have the layer's place in the network.
"""

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from analysis_by_synthesis.networks import cnn, substitute, vae
from analysis_by_synthesis.networks.weights import load_weights, save_weights
from analysis_by_synthesis.pipeline.errors import UserError

Network = TypeVar("Network", bound=nn.Module)
CLASSIFIERS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "vanilla_cnn.net": ("cnn", cnn.build),
    "binary_cnn.net": ("binary_cnn", cnn.build),
    "transfer_cnn.net": ("substitute", substitute.build),
}  # the authors' file: our folder, and our network
VAES = {f"ABS_{digit}.net": f"{digit}.safetensors" for digit in range(10)}


def convert(source: Path, network: Network) -> Network:
    """Fill a network, a VAE or a classifier, from a state dict with the authors' names.

    Raises:
        UserError: the file is missing, is no state dict, or doesn't fit the network.
    """
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{source} is not here; name the folder that holds the authors' files.") from None
    except Exception as error:  # damaged files lead PyTorch to all kinds of them
        raise UserError(f"{source} is not a PyTorch state dict; save model.state_dict() with torch.save.") from error
    if not isinstance(state, dict) or not all(_is_weight(*entry) for entry in state.items()):
        raise UserError(
            f"{source} holds something else than a state dict, names with tensors; save model.state_dict()."
        )
    consume_prefix_in_state_dict_if_present(state, "module.")  # as nn.DataParallel names them
    counters = {key: value for key, value in network.state_dict().items() if key.endswith("num_batches_tracked")}
    state = {_our_name(key): value.clone().contiguous() for key, value in state.items()}
    with TemporaryDirectory() as folder:
        renamed = Path(folder) / source.name
        save_file(counters | state, renamed)
        try:
            return load_weights(network, renamed)
        except UserError as problem:
            raise UserError(str(problem).replace(str(renamed), str(source))) from None


def _is_weight(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided


def _our_name(key: str) -> str:
    layer = re.fullmatch(r"(conv|bn)_(\d+)\.(\w+)", key)
    if layer is None:
        return key[:1].lower() + key[1:]
    kind, number, tensor = layer.groups()
    return f"{3 * int(number) + (kind == 'bn')}.{tensor}"  # convolution, batch norm, ELU


def convert_all(released: Path, weights: Path) -> None:
    """Convert the thirteen released files in a folder to a folder that is laid out as models/ is.

    Nothing is written unless all of them can be converted. Weights that are there already are never replaced by others.

    Raises:
        UserError: a file is missing or wrong, or other weights are in its place.
    """
    converted: dict[Path, nn.Module] = {
        weights / "abs" / ours: convert(released / theirs, vae.build()) for theirs, ours in VAES.items()
    }
    for theirs, (ours, build) in CLASSIFIERS.items():
        converted[weights / ours / "weights.safetensors"] = convert(released / theirs, build())
    for path, network in converted.items():
        if path.exists() and not _holds(path, network):
            raise UserError(f"{path} holds other weights; name another folder for the converted ones.")
    for path, network in converted.items():
        save_weights(network, path)


def _holds(path: Path, network: nn.Module) -> bool:
    """Whether a file has exactly these weights."""
    try:
        held, wanted = load_file(path), network.state_dict()
    except (OSError, SafetensorError):
        return False
    return held.keys() == wanted.keys() and all(torch.equal(held[name], value) for name, value in wanted.items())
