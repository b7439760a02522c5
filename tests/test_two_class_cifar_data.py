"""The reader of CIFAR-10's archive, on a tiny archive of 6 images a batch."""

import hashlib
import io
import pickle
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from analysis_by_synthesis.data.two_class_cifar import ARCHIVE, ARRAYS, BATCHES, download, load
from analysis_by_synthesis.params.data import CIFARDownload
from analysis_by_synthesis.pipeline.errors import UserError


def python_2(value):
    """A pickle with the names that numpy's objects had when CIFAR-10 was published."""
    return pickle.dumps(value, protocol=3).replace(b"numpy._core", b"numpy.core")


def write_archive(path, batches):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def batches():
    generator = np.random.default_rng(0)
    made = {"batches.meta": python_2({b"label_names": [b"airplane"]})}
    for name in (*BATCHES["train"], *BATCHES["test"]):
        data = generator.integers(0, 256, (6, 3072), np.uint8)
        labels = [0, 1, 9, 1, 0, 3]
        files = [f"{generator.integers(10**6):06}.png".encode() for _ in labels]
        made[name] = python_2({b"batch_label": name.encode(), b"labels": labels, b"data": data, b"filenames": files})
    return made


@pytest.fixture
def expected(batches):
    """The images of each split, put together one by one."""
    splits = {}
    for split, names in BATCHES.items():
        found = []
        for name in names:
            batch = pickle.loads(batches[name].replace(b"numpy.core", b"numpy._core"))
            rows = zip(batch[b"labels"], batch[b"filenames"], batch[b"data"], strict=True)
            found += [(label, file, pixels.reshape(3, 32, 32)) for label, file, pixels in rows if label < 2]
        splits[split] = np.stack([pixels.transpose(1, 2, 0) for *_, pixels in sorted(found, key=lambda row: row[:2])])
    return splits


@pytest.fixture
def settings(tmp_path, batches, expected):
    archive = tmp_path / "web" / ARCHIVE
    write_archive(archive, batches)
    return CIFARDownload.model_validate({
        "timeout_seconds": 5.0,
        "url": archive.as_uri(),
        "md5": hashlib.md5(archive.read_bytes()).hexdigest(),
        "sha256": {split: hashlib.sha256(images.tobytes()).hexdigest() for split, images in expected.items()},
    })  # fmt: skip


@pytest.fixture(autouse=True)
def no_local_files(monkeypatch):
    monkeypatch.delenv("ABS_FILES", raising=False)


def fetched(settings, tmp_path):
    download(settings, tmp_path / "data", tmp_path / "work")
    return {split: load(split, tmp_path / "data") for split in ("train", "test")}


def is_as_expected(found, expected):
    for split, (images, labels) in found.items():
        pixels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
        assert (pixels == expected[split]).all()
        assert labels.tolist() == [0] * (len(labels) // 2) + [1] * (len(labels) // 2)


def test_the_archive_is_read_in_canonical_order(settings, expected, tmp_path):
    found = fetched(settings, tmp_path)
    assert found["train"][0].shape == (20, 3, 32, 32)
    is_as_expected(found, expected)
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("kind", ["archive", "arrays"])
def test_files_on_this_machine_come_first(settings, expected, tmp_path, monkeypatch, kind):
    local = tmp_path / "local" / "deep"
    local.mkdir(parents=True)
    if kind == "archive":
        (tmp_path / "web" / ARCHIVE).rename(local / ARCHIVE)
    else:
        np.savez(local / ARRAYS, **{f"{split}_images": images for split, images in expected.items()})
    monkeypatch.setenv("ABS_FILES", str(tmp_path / "local"))
    is_as_expected(fetched(settings.model_copy(update={"url": "file:///nowhere"}), tmp_path), expected)


def test_altered_files_on_this_machine_are_named_and_passed_over(settings, expected, tmp_path, monkeypatch, caplog):
    np.savez(tmp_path / ARRAYS, **{f"{split}_images": images ^ 1 for split, images in expected.items()})
    monkeypatch.setenv("ABS_FILES", str(tmp_path))
    is_as_expected(fetched(settings, tmp_path), expected)
    assert f"{ARRAYS} has other train images than CIFAR-10" in caplog.text


class Server:
    """Serves one file, byte ranges too; the first answer breaks off after `breaks` bytes."""

    def __init__(self, content, breaks):
        server = self
        self.ranges, self.breaks = [], breaks

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = self.headers.get("Range")
                server.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start:][: server.breaks])
                server.breaks = None

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/{ARCHIVE}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def test_a_download_that_broke_off_goes_on(settings, expected, tmp_path, caplog):
    server = Server((tmp_path / "web" / ARCHIVE).read_bytes(), breaks=1000)
    settings = settings.model_copy(update={"url": server.url})
    with pytest.raises(UserError, match="no source delivered CIFAR-10"):
        fetched(settings, tmp_path)
    assert "broke off (1000 of" in caplog.text
    is_as_expected(fetched(settings, tmp_path), expected)
    assert server.ranges == [None, "bytes=1000-"]
    server.http.shutdown()


def test_an_altered_archive_is_refused_and_not_kept(settings, tmp_path, caplog):
    path = tmp_path / "web" / ARCHIVE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="no source delivered CIFAR-10"):
        fetched(settings, tmp_path)
    assert "hasn't the MD5 sum" in caplog.text
    assert not list((tmp_path / "work").iterdir())
    assert not (tmp_path / "data").exists()


def test_a_batch_is_never_run_as_code(settings, batches, tmp_path, caplog):
    class Evil:
        def __reduce__(self):
            return (tmp_path / "run").mkdir, ()

    path = tmp_path / "web" / ARCHIVE
    write_archive(path, batches | {"test_batch": pickle.dumps(Evil(), protocol=3)})
    with pytest.raises(UserError):
        fetched(settings.model_copy(update={"md5": hashlib.md5(path.read_bytes()).hexdigest()}), tmp_path)
    assert "is not a numpy array" in caplog.text
    assert not (tmp_path / "run").exists()


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"test\.npy is not here; run: make cifar"):
        load("test", tmp_path)
    (tmp_path / "test.npy").write_bytes(b"half")
    with pytest.raises(UserError, match=r"test\.npy is damaged"):
        load("test", tmp_path)
