"""gamma, the class scalars of Binary ABS (section 3)."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis_by_synthesis.models import logits
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.binary_abs import FILE, BinaryABS, load
from analysis_by_synthesis.networks.decoders import decoders_digest, load_bare_decoders, load_decoders, weight_files
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.models.binary_abs import Config
from analysis_by_synthesis.pipeline.files import read_json, write_json


@torch.no_grad()
def fit_binary_abs(vaes: Path, folder: Path, settings: ClassScalars, images: Tensor, labels: Tensor) -> BinaryABS:
    """Complete the model's folder, which has its config.json: copies of the decoders, and gamma (10,), fitted to them.

    Args:
        vaes: the folder of ABS.
        images, labels: of the training split, (N, 1, 28, 28) and (N,).

    Returns:
        the model.
    """
    copy_decoders(vaes, folder)
    config = Config(**read_json(folder / "config.json"))
    model = BinaryABS(load_bare_decoders(folder), config.inference).to(images.device)
    distances = -model(images[: settings.images]).cpu().numpy()
    gamma = fit_class_scalars(distances, labels[: settings.images].cpu().numpy(), settings)
    write_class_scalars(folder, [round(value, 6) for value in gamma.tolist()])
    return load(folder, config).to(images.device)


def copy_decoders(vaes: Path, folder: Path) -> None:
    """Copy the decoders of a folder of ABS to that of a Binary ABS."""
    for decoder, path in zip(load_decoders(vaes), weight_files(folder), strict=True):
        save_weights(decoder, path)


def write_class_scalars(folder: Path, gamma: list[float]) -> None:
    """Write gamma (10,) beside the decoders that it belongs to."""
    write_json(folder / FILE, {"gamma": gamma, "decoders_sha256": decoders_digest(folder)})


def gain(model: ABS, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy by the arbiter on images (N, 1, 28, 28), with gamma and without."""
    scores = logits(model, images, "arbitrate")
    ways = {"with_gamma": scores, "without_gamma": scores / model.gamma}
    return {way: float((chosen.argmax(1) == labels).double().mean()) for way, chosen in ways.items()}


def fit_class_scalars(distances: np.ndarray, labels: np.ndarray, settings: ClassScalars) -> np.ndarray:
    """gamma (10,) for distances D_c (N, 10) and labels (N,): coordinate-wise line search on accuracy.

    Among equally good scalars of a class the one nearest to 1 is taken.
    """
    gamma = np.ones(distances.shape[1])
    grid = np.linspace(settings.lowest, settings.highest, settings.grid)
    grid = grid[np.abs(grid - 1).argsort(kind="stable")]

    def accuracy(c: int, value: float) -> float:
        trial = np.where(np.arange(len(gamma)) == c, value, gamma)
        return float(((trial * distances).argmin(1) == labels).mean())

    for _ in range(settings.sweeps):
        for c in range(len(gamma)):
            gamma[c] = max(grid, key=lambda value: accuracy(c, value))
    return gamma
