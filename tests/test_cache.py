"""The user's cache: whole files, the newest ones, and no harm where there can be none; files that are on this machine."""

import errno
import gzip
import hashlib
import os
import threading
from pathlib import Path

import pytest
import yaml

from analysis_by_synthesis import cache
from analysis_by_synthesis.data import sources
from analysis_by_synthesis.pipeline.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The cache in a folder of the test's own, which doesn't exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name, appauthor: str(tmp_path / "home" / name))
    for function in (cache._say_once, cache.can_store):
        function.cache_clear()
    yield tmp_path / "home" / "analysis-by-synthesis"
    for function in (cache._say_once, cache.can_store):
        function.cache_clear()


def stored(kind, name, content=b"content"):
    path = cache.folder(kind) / name
    cache.store(path, lambda partial: partial.write_bytes(content))
    return path


def test_a_file_is_stored_under_its_name(home):
    path = stored("tables", "a.npz")
    assert path == home / "tables" / "a.npz" and path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


def test_the_ones_used_longest_ago_are_deleted(home):
    for age, name in enumerate("abcde"):
        path = stored("tables", name)
        os.utime(path, (1000 + age, 1000 + age))
    assert not (home / "tables/a").exists()  # beyond the number that is kept
    cache.touch(home / "tables/b")
    stored("tables", "f")
    assert sorted(path.name for path in (home / "tables").iterdir()) == ["b", "d", "e", "f"]


def test_the_cache_is_bounded_in_bytes(home, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 25)
    for age, name in enumerate("abc"):
        os.utime(stored("tables", name, bytes(10)), (1000 + age, 1000 + age))
    stored("tables", "d", bytes(10))
    assert sorted(path.name for path in (home / "tables").iterdir()) == ["c", "d"]


def test_what_an_interrupted_process_has_left_is_deleted_in_the_end(home):
    left = home / "tables" / ".left"
    left.mkdir(parents=True)
    (left / "a.npz").write_bytes(b"half")
    os.utime(left, (1000, 1000))
    for name in "bcde":
        stored("tables", name)
    assert not left.exists()


def test_a_full_disk_is_said_once_and_leaves_nothing(home, caplog):
    def full(partial):
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in "ab":
        cache.store(cache.folder("tables") / name, full)
    assert list((home / "tables").iterdir()) == []
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.endswith("can't be written (No space left on device).")


def test_a_home_that_cannot_be_written_is_said_once(home, caplog):
    home.parent.mkdir()
    home.write_text("a file in place of the folder")
    assert not stored("tables", "a").exists()
    assert not stored("tables", "b").exists()
    assert not cache.can_store("kernels", 1)
    assert len(caplog.records) == 1 and "Nothing is cached" in caplog.text


def test_many_writers_of_one_file_leave_a_whole_one(home):
    contents = [bytes([i]) * 10**6 for i in range(8)]
    threads = [threading.Thread(target=stored, args=("tables", "a", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (home / "tables/a").read_bytes() in contents
    assert [path.name for path in (home / "tables").iterdir()] == ["a"]


def test_the_package_knows_the_sources_of_params_yaml():
    block = yaml.safe_load((Path(__file__).parents[1] / "params.yaml").read_text())["data"]
    assert [source.model_dump() for source in sources.SOURCES] == block["sources"]
    assert block["timeout_seconds"] == sources.TIMEOUT


FILES = {"images": b"some images", "labels": b"some labels"}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def no_source(monkeypatch):
    monkeypatch.delenv(sources.LOCAL, raising=False)
    monkeypatch.setattr(sources, "SOURCES", ())


def write(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_files_are_taken_from_beside_the_models_first(home, no_source, tmp_path):
    assert sources.read(SHA256, write(tmp_path / "data", FILES)) == FILES
    assert not home.exists()


def test_files_that_are_on_this_machine_are_found_by_name_and_verified(home, no_source, tmp_path, monkeypatch):
    write(tmp_path / "files/altered", {"images": b"others"})
    write(tmp_path / "files/deep/down", {"images.gz": gzip.compress(FILES["images"]), "labels": FILES["labels"]})
    monkeypatch.setenv(sources.LOCAL, str(tmp_path / "files"))
    assert sources.read(SHA256, tmp_path / "nowhere") == FILES
    assert sources.fetch(SHA256, (), timeout=1.0) == FILES
    (tmp_path / "files/deep/down/labels").unlink()
    with pytest.raises(UserError, match="no source delivered MNIST"):
        sources.read(SHA256, tmp_path / "nowhere")


def test_what_is_fetched_is_cached(home, no_source, tmp_path, monkeypatch):
    mirror = write(tmp_path / "mirror", {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()})
    monkeypatch.setattr(sources, "SOURCES", (sources.Mirror(kind="mirror", url=mirror.as_uri()),))
    assert sources.read(SHA256, tmp_path / "nowhere") == FILES
    monkeypatch.setattr(sources, "SOURCES", ())
    assert sources.read(SHA256, tmp_path / "nowhere") == FILES
    (home / "mnist/images").write_bytes(b"damaged")
    with pytest.raises(UserError, match="let ABS_FILES name a folder"):
        sources.read(SHA256, tmp_path / "nowhere")
