"""The ten trained decoders, shared by ABS and Binary ABS."""

from hashlib import sha256
from pathlib import Path

from analysis_by_synthesis.networks.vae import VAE, VAEDecoder
from analysis_by_synthesis.networks.weights import load_weights


def load_decoders(directory: Path) -> list[VAEDecoder]:
    """G_c of the ten classes, from the VAEs in `directory`, in evaluation mode."""
    return [load_weights(VAE(), path).decoder for path in weight_files(directory)]


def decoders_digest(directory: Path) -> str:
    """SHA-256 of the weights."""
    digest = sha256()
    for path in weight_files(directory):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def weight_files(directory: Path) -> list[Path]:
    """Of the ten VAEs."""
    return [directory / f"{digit}.safetensors" for digit in range(10)]
