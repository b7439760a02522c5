"""The thirteen files that the authors released: from a folder on this machine, or from their repository."""

import hashlib
import logging
import os
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from analysis_by_synthesis.data.sources import LOCAL
from analysis_by_synthesis.params.released import Download
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing

log = logging.getLogger(__name__)


def download(settings: Download, folder: Path) -> None:
    """Write the files, under their names, to `folder`; all of them, verified, or none.

    In or below the folder that the environment variable `ABS_FILES` names, where it is set, they are looked for first. What
    fails is named in the log.

    Raises:
        UserError: a file is nowhere to be had.
    """
    contents = {PurePosixPath(path).name: _verified(settings, path) for path in settings.sha256}
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)


def _verified(settings: Download, path: str) -> bytes:
    for source, fetch in _sources(settings, path):
        try:
            content = fetch()
        except (OSError, ValueError, HTTPException) as error:  # no connection, no file, or no address
            log.warning("%s can't be read (%s).", source, error)
            continue
        if hashlib.sha256(content).hexdigest() == settings.sha256[path]:
            return content
        log.warning("%s is not the file that the authors released.", source)
    raise UserError(
        f"no source delivered {path}; get the {len(settings.sha256)} files of released.sha256 in params.yaml from"
        f" {settings.url} on another machine, and let {LOCAL} name their folder."
    )


def _sources(settings: Download, path: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if os.environ.get(LOCAL):
        for found in sorted(Path(os.environ[LOCAL]).rglob(PurePosixPath(path).name)):
            yield str(found), found.read_bytes
    url = f"{settings.url}/{path}"
    yield url, partial(_fetch, url, settings.timeout_seconds)


def _fetch(url: str, timeout: float) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout) as response:
        content: bytes = response.read()
    return content
