"""Networks by the name of their module."""

from importlib import import_module

from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.networks.network import Network
from analysis_by_synthesis.pipeline.errors import UserError


def build_network(name: str) -> Network:
    """A network with random weights.

    Raises:
        UserError: there is no such network.
    """
    try:
        network: Network = import_module(f"{__package__}.{name}").build()
    except (ModuleNotFoundError, AttributeError):
        raise UserError(f"there is no network {name}; correct `network` of the model in params.yaml.") from None
    return network


def build_vae(name: str) -> Autoencoder:
    """A VAE of one class with random weights.

    Raises:
        UserError: there is no such network.
    """
    try:
        vae: Autoencoder = import_module(f"{__package__}.{name}").build()
    except (ModuleNotFoundError, AttributeError):
        raise UserError(f"there is no network {name}; correct `network` of the model in params.yaml.") from None
    return vae
