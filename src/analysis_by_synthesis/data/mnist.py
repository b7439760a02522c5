"""MNIST as float images in [0, 1]."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis_by_synthesis.data.dataset import Dataset
from analysis_by_synthesis.params.data import MNISTFile
from analysis_by_synthesis.pipeline.errors import UserError

MNIST = Path("data/mnist")  # in a project, beside its models
Split = Literal["train", "test"]
FILES: dict[Split, tuple[MNISTFile, MNISTFile]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def load(split: Split, directory: Path) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28), float32 in [0, 1], and labels (N,), int64; N is 60,000 or 10,000.

    Raises:
        UserError: a file is missing or is not the IDX file that its name says.
    """
    paths = {name: Path(directory) / name for name in FILES[split]}
    for path in paths.values():
        if not path.exists():
            raise UserError(f"{path} is not here; run: dvc repro download")
    return decode(split, {name: path.read_bytes() for name, path in paths.items()}, directory)


def decode(split: Split, files: Mapping[str, bytes], source: Path | str) -> tuple[Tensor, Tensor]:
    """Images and labels, as `load` returns them, from the contents of the two files of a split, by name.

    Raises:
        UserError: one is not the IDX file that its name says; the error names `source`.
    """
    images, labels = (_from_idx(files[name], f"{source}/{name}") for name in FILES[split])
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise UserError(f"{source} does not hold MNIST's {split} split; run: dvc repro -f download")
    return torch.from_numpy(images).unsqueeze(1).to(torch.float32) / 255, torch.from_numpy(labels).long()


def _from_idx(content: bytes, path: str) -> NDArray[np.uint8]:
    """An array from an IDX file of unsigned bytes."""
    dimensions = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start], ">u4")
    if dimensions == 0 or len(shape) != dimensions or len(content) - start != shape.prod():
        raise UserError(f"{path} is damaged; run: dvc repro -f download")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def dataset(folder: Path) -> Dataset:
    """MNIST in a folder."""
    return Dataset(folder, FILES, load)
