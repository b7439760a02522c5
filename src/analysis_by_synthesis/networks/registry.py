"""Networks by the name of their module."""

from importlib import import_module

from torch import nn

from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.pipeline.errors import UserError


def build_network(name: str) -> nn.Module:
    """A network with random weights.

    Raises:
        UserError: there is no such network.
    """
    try:
        return import_module(f"{__package__}.{name}").build()
    except (ModuleNotFoundError, AttributeError):
        raise UserError(f"there is no network {name}; correct `network` of the model in params.yaml.") from None


def build_vae(name: str) -> Autoencoder:
    """A VAE of one class with random weights.

    Raises:
        UserError: there is no such network.
    """
    vae = build_network(name)
    if not isinstance(vae, Autoencoder):
        raise UserError(f"the network {name} is no VAE; correct `network` of the model in params.yaml.")
    return vae
