"""The trained decoders, shared by ABS and Binary ABS."""

from hashlib import sha256
from pathlib import Path

from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.networks.registry import build_vae
from analysis_by_synthesis.networks.weights import load_weights


def load_decoders(directory: Path, network: str = "vae", classes: int = 10) -> list[Decoder]:
    """G_c of the classes, from the VAEs in `directory`, in evaluation mode; arguments as of `load_vaes`."""
    return [vae.decoder for vae in load_vaes(directory, network, classes)]


def load_bare_decoders(directory: Path, network: str = "vae", classes: int = 10) -> list[Decoder]:
    """G_c of the classes, from files that hold nothing else; arguments as of `load_vaes`."""
    return [load_weights(build_vae(network).decoder, path) for path in weight_files(directory, classes)]


def load_vaes(directory: Path, network: str, classes: int) -> list[Autoencoder]:
    """The VAEs of the classes, in evaluation mode.

    Args:
        network: the module of `networks` that builds a VAE.
        classes: their number.
    """
    return [load_weights(build_vae(network), path) for path in weight_files(directory, classes)]


def decoders_digest(directory: Path) -> str:
    """SHA-256 of the weights."""
    digest = sha256()
    for path in weight_files(directory):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def weight_files(directory: Path, classes: int = 10) -> list[Path]:
    """Of the VAEs or their decoders, one a class."""
    return [directory / f"{label}.safetensors" for label in range(classes)]
