"""Binary ABS (section 3): the VAEs of ABS on binarised images, each class's distance times a scalar."""

import json
from pathlib import Path

from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.inference import InferenceSettings
from analysis_by_synthesis.models.abs import PARAMETERS, BinaryABS
from analysis_by_synthesis.networks.decoders import decoders_digest, load_decoders
from analysis_by_synthesis.stage import Problem

__all__ = ["PARAMETERS", "load", "save_class_scalars"]

FILE = "class_scalars.json"


def save_class_scalars(gamma: list[float], directory: Path) -> None:
    """Write gamma (10,), and which VAEs it was fitted to."""
    write_json(directory / "binary_abs" / FILE, {"gamma": gamma, "vae_sha256": decoders_digest(directory)})


def load(name: str, directory: Path, settings: InferenceSettings) -> BinaryABS:
    path = directory / name / FILE
    scalars = json.loads(path.read_text())
    if scalars["vae_sha256"] != decoders_digest(directory):
        raise Problem(
            f"{path} was fitted to other VAEs than those of {directory / 'abs'}; run: dvc repro class_scalars"
        )
    return BinaryABS(load_decoders(directory), settings, scalars["gamma"])
