"""Airplanes and automobiles of CIFAR-10 (appendix A.1): 10,000 training and 2,000 test images.

In each split the airplanes come first, then the automobiles, and each class is sorted by file name. So the order of the
images, their SHA-256 sums, and their labels are the same whatever source they come from.
"""

import hashlib
import io
import logging
import os
import pickle
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis_by_synthesis.data.dataset import Dataset, Split
from analysis_by_synthesis.data.sources import LOCAL, ArrayUnpickler, SourceError
from analysis_by_synthesis.params.data import CIFARDownload
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

ARCHIVE = "cifar-10-python.tar.gz"
ARRAYS = "airplane_automobile.npz"
BATCHES: dict[Split, tuple[str, ...]] = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
    "test": ("test_batch",),
}
FILES: dict[Split, tuple[str, ...]] = {"train": ("train.npy",), "test": ("test.npy",)}
CLASSES = ("airplane", "automobile")  # CIFAR-10's labels 0 and 1
SHAPE = 3, 32, 32
AT_ONCE = 2**20  # bytes

Images = NDArray[np.uint8]
log = logging.getLogger(__name__)


def load(split: Split, folder: Path) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32), float32 in [0, 1], and labels (N,), int64; N is 10,000 or 2,000.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = folder / f"{split}.npy"
    try:
        pixels = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path} is not here; run: make cifar") from None
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it and run: make cifar") from None
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(torch.float32) / 255
    return images, torch.arange(len(CLASSES)).repeat_interleave(len(images) // len(CLASSES))


def dataset(folder: Path) -> Dataset:
    """Two-class CIFAR in a folder."""
    return Dataset(folder, FILES, load)


def download(settings: CIFARDownload, folder: Path, work: Path) -> None:
    """Write train.npy and test.npy, uint8 (N, 32, 32, 3), to `folder`; verified, and both or none.

    The folder that the environment variable `ABS_FILES` names comes first, where it is set: in or below it, the archive or
    `airplane_automobile.npz`. Each source that fails is named in one line of the log.

    Args:
        work: the folder where the archive is kept while it is incomplete; the next call goes on from there.

    Raises:
        UserError: no source delivered the images.
    """
    for name, attempt in _attempts(settings, work):
        try:
            splits = attempt()
            for split, images in splits.items():
                if hashlib.sha256(images.tobytes()).hexdigest() != settings.sha256[split]:
                    raise SourceError(f"{name} has other {split} images than CIFAR-10.")
        except SourceError as failure:
            log.warning("%s", failure)
            continue
        for split, images in splits.items():
            with replacing(folder / f"{split}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, images)
        log.info("CIFAR-10 comes from %s.", name)
        return
    raise UserError(
        f"no source delivered CIFAR-10 (each is named above); get {ARCHIVE} on another machine, and let {LOCAL} name its folder."
    )


def _attempts(settings: CIFARDownload, work: Path) -> Iterator[tuple[str, Callable[[], dict[Split, Images]]]]:
    if os.environ.get(LOCAL):
        local = Path(os.environ[LOCAL])
        for path in sorted(local.rglob(ARRAYS)):
            yield str(path), partial(_from_arrays, path)
        for path in sorted(local.rglob(ARCHIVE)):
            yield str(path), partial(_from_archive, path, settings.md5)
    yield settings.url, partial(_from_web, settings, work / ARCHIVE)


def _from_arrays(path: Path) -> dict[Split, Images]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {split: arrays[f"{split}_images"] for split in FILES}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} can't be read ({error}).") from error


def _from_web(settings: CIFARDownload, path: Path) -> dict[Split, Images]:
    """Fetch the archive, or what is missing of it, to `path`; it is deleted when it is complete and read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(settings.url, headers={"Range": f"bytes={size}-"} if size else {})
    try:
        with urllib.request.urlopen(request, timeout=settings.timeout_seconds) as response:
            goes_on = response.status == 206  # other servers send the whole archive again
            with path.open("ab" if goes_on else "wb") as file:
                while part := response.read(AT_ONCE):
                    file.write(part)
                expected = (size if goes_on else 0) + int(response.headers["Content-Length"])
                if file.tell() < expected:
                    raise EOFError(f"{file.tell()} of {expected} bytes")
    except urllib.error.HTTPError as error:
        if error.code != 416:  # "range not satisfiable": nothing is missing
            raise SourceError(f"{settings.url} can't be fetched ({error.reason}).") from error
    except urllib.error.URLError as error:
        raise SourceError(f"{settings.url} can't be reached ({error.reason}).") from error
    except Exception as error:  # a connection that breaks off, by whatever name
        raise SourceError(f"{settings.url} broke off ({error}); the next run goes on from there.") from error
    try:
        return _from_archive(path, settings.md5)
    finally:
        path.unlink()


def _from_archive(path: Path, md5: str) -> dict[Split, Images]:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != md5:
            raise SourceError(f"{path} is truncated or altered: it hasn't the MD5 sum of {ARCHIVE}.")
    wanted = {name for names in BATCHES.values() for name in names}
    batches: dict[str, dict[bytes, object]] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                name = Path(member.name).name
                if content is not None and name in wanted:
                    batches[name] = _unpickled(content.read())
        return {
            split: np.concatenate([_sorted_class(batches, names, label) for label in range(len(CLASSES))])
            for split, names in BATCHES.items()
        }
    except Exception as error:  # damaged archives and pickles lead to all kinds of them
        raise SourceError(f"{path} can't be read ({error}).") from error


def _unpickled(content: bytes) -> dict[bytes, object]:
    batch = ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise pickle.UnpicklingError("a batch is no dictionary")
    return batch


def _sorted_class(batches: dict[str, dict[bytes, object]], names: tuple[str, ...], label: int) -> Images:
    """The images (N, 32, 32, 3) of one class in these batches, by file name."""
    pixels = np.concatenate([cast(Images, batches[name][b"data"]) for name in names])
    labels = np.concatenate([np.array(batches[name][b"labels"]) for name in names])
    files = np.concatenate([np.array(batches[name][b"filenames"]) for name in names])
    of_class = np.flatnonzero(labels == label)
    chosen = of_class[np.argsort(files[of_class], kind="stable")]
    return np.ascontiguousarray(pixels[chosen].reshape(-1, *SHAPE).transpose(0, 2, 3, 1))
