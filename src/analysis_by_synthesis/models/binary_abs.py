"""Binary ABS (section 3 and appendix A.7): ABS of the binarised image, each class's distance times a scalar."""

import shutil
from pathlib import Path

import torch
from torch import Tensor

from analysis_by_synthesis.calibration import fit_class_scalars
from analysis_by_synthesis.inference.engine import check_images
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.decoders import decoders_digest, load_decoders, weight_files
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.models.binary_abs import Config
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json, write_json

FILE = "class_scalars.json"


class BinaryABS(ABS):
    """ABS of the image binarised at 0.5, with scalars gamma_c."""

    binary = True

    def observe(self, x: Tensor) -> Tensor:
        check_images(x)  # binarised, a NaN would pass for black
        return binarize(x)


@torch.no_grad()
def fit(vaes: Path, folder: Path, settings: ClassScalars, images: Tensor, labels: Tensor) -> list[float]:
    """Complete the model's folder, which has its config.json: copies of the VAEs, and gamma (10,), fitted to them.

    Args:
        vaes: the folder of ABS.
        images, labels: of the training split, (N, 1, 28, 28) and (N,).
    """
    for path in weight_files(vaes):
        shutil.copyfile(path, folder / path.name)
    config = Config(**read_json(folder / "config.json"))
    model = BinaryABS(load_decoders(folder), config.inference).to(images.device)
    distances = -model(images[: settings.images]).cpu().numpy()
    gamma = fit_class_scalars(distances, labels[: settings.images].cpu().numpy(), settings)
    rounded = [round(value, 6) for value in gamma.tolist()]
    write_json(folder / FILE, {"gamma": rounded, "vae_sha256": decoders_digest(folder)})
    return rounded


def load(folder: Path, config: Config) -> BinaryABS:
    """Binary ABS with the decoders that its class scalars were fitted to."""
    scalars = read_json(folder / FILE)
    decoders = load_decoders(folder)
    if scalars["vae_sha256"] != decoders_digest(folder):
        raise UserError(
            f"{folder / FILE} was fitted to other VAEs than those of {folder}; run: dvc repro class_scalars"
        )
    return BinaryABS(decoders, config.inference, scalars["gamma"])
