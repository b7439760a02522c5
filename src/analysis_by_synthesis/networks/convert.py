"""The authors' released VAEs as ours.

They are PyTorch state dicts, whose names are Encoder.conv_0.weight, Encoder.bn_0.running_mean, ..., Decoder.conv_3.bias; ours
begin with a small letter.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import load_weights, save_weights
from analysis_by_synthesis.pipeline.errors import UserError


def convert(source: Path) -> VAE:
    """A VAE from a state dict with the authors' names.

    Raises:
        UserError: the file is missing, is no state dict, or doesn't fit the network.
    """
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{source} is not here; name the ten state dicts and then the folder to write to.") from None
    except Exception as error:  # damaged files lead PyTorch to all kinds of them
        raise UserError(f"{source} is not a PyTorch state dict; save model.state_dict() with torch.save.") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(
            f"{source} holds something else than a state dict, names with tensors; save model.state_dict()."
        )
    consume_prefix_in_state_dict_if_present(state, "module.")  # as nn.DataParallel names them
    counters = {key: value for key, value in VAE().state_dict().items() if key.endswith("num_batches_tracked")}
    state = {key[:1].lower() + key[1:]: value.contiguous() for key, value in state.items()}
    with TemporaryDirectory() as folder:
        renamed = Path(folder) / source.name
        save_file(counters | state, renamed)
        try:
            return load_weights(VAE(), renamed)
        except UserError as problem:
            raise UserError(str(problem).replace(str(renamed), str(source))) from None


def convert_all(sources: Iterable[Path], weights: Path) -> None:
    """Convert the state dicts of the classes 0 to 9, in this order, to weights/abs/0.safetensors ... 9.safetensors.

    Nothing is written unless all of them can be converted.
    """
    for digit, vae in enumerate([convert(source) for source in sources]):
        save_weights(vae, weights / "abs" / f"{digit}.safetensors")
