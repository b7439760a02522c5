"""Binary ABS (section 3 and appendix A.7): ABS of the binarised image, each class's distance times a scalar."""

from pathlib import Path

from torch import Tensor

from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.networks.decoders import decoders_digest, load_bare_decoders
from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.models.binary_abs import Config
from analysis_by_synthesis.params.reader import typed
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json

FILE = "class_scalars.json"


class Fitted(Block):
    """What class_scalars.json holds: gamma of each class, and the SHA-256 of the decoders that it was fitted to."""

    gamma: list[float]
    decoders_sha256: str


class BinaryABS(ABS):
    """ABS of the image binarised at 0.5, with scalars gamma_c."""

    binary = True

    def observe(self, x: Tensor) -> Tensor:
        return binarize(x)


def load(folder: Path, config: Config) -> BinaryABS:
    """Binary ABS with the decoders that its class scalars were fitted to."""
    scalars: Fitted = typed(read_json(folder / FILE), "", Fitted, folder / FILE)
    decoders = load_bare_decoders(folder)
    if scalars.decoders_sha256 != decoders_digest(folder):
        raise UserError(
            f"{folder / FILE} was fitted to other decoders than those of {folder}; run: dvc repro class_scalars"
        )
    return BinaryABS(decoders, config.inference, scalars.gamma)
