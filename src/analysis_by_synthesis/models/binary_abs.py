"""Binary ABS (section 3 and appendix A.7): ABS of the binarised image, each class's distance times a scalar."""

from pathlib import Path
from typing import Literal

from torch import Tensor

from analysis_by_synthesis.inference import InferenceSettings
from analysis_by_synthesis.inference.engine import check_images
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.decoders import decoders_digest, load_decoders
from analysis_by_synthesis.params import Block
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json, write_json

FILE = "class_scalars.json"


class Config(Block):
    """Args: decoders: the folder of the VAEs, beside that of the model; inference: how the latents are searched for."""

    module: Literal["binary_abs"]
    decoders: str
    inference: InferenceSettings


class BinaryABS(ABS):
    """ABS of the image binarised at 0.5, with scalars gamma_c."""

    binary = True

    def observe(self, x: Tensor) -> Tensor:
        check_images(x)  # binarised, a NaN would pass for black
        return binarize(x)


def save_class_scalars(gamma: list[float], folder: Path, decoders: Path) -> None:
    """Write gamma (10,) to the model's folder, and which VAEs it was fitted to."""
    write_json(folder / FILE, {"gamma": gamma, "vae_sha256": decoders_digest(decoders)})


def load(folder: Path, config: Config) -> BinaryABS:
    """Binary ABS with the decoders that its class scalars were fitted to."""
    path, decoders = folder / FILE, folder.parent / config.decoders
    scalars = read_json(path)
    if scalars["vae_sha256"] != decoders_digest(decoders):
        raise UserError(f"{path} was fitted to other VAEs than those of {decoders}; run: dvc repro class_scalars")
    return BinaryABS(load_decoders(decoders), config.inference, scalars["gamma"])
