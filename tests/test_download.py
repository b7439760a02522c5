import gzip
import hashlib
import io
import pickle

import numpy as np
import pytest

from analysis_by_synthesis.data.mnist import FILES, load
from analysis_by_synthesis.data.sources import ArrayUnpickler, _idx, _idx_files, download
from analysis_by_synthesis.params.data import Download
from analysis_by_synthesis.pipeline.errors import UserError

NAMES = [name for pair in FILES.values() for name in pair]


@pytest.fixture(autouse=True)
def no_files_on_this_machine(monkeypatch):
    monkeypatch.delenv("ABS_FILES", raising=False)


@pytest.fixture
def files():
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 256, (n, 28, 28), np.uint8) for n in (7, 3)]
    labels = [generator.integers(0, 10, n, np.uint8) for n in (7, 3)]
    arrays = [images[0], labels[0], images[1], labels[1]]
    return {name: _idx(array) for name, array in zip(NAMES, arrays)}


def mirror(folder, files):
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return {"kind": "mirror", "url": folder.as_uri()}


def settings(sources, files):
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Download.model_validate({"timeout_seconds": 5.0, "sources": sources, "sha256": sums})


def test_a_good_mirror_delivers(tmp_path, files):
    download(settings([mirror(tmp_path / "good", files)], files), tmp_path / "data")
    images, labels = load("train", tmp_path / "data")
    assert images.shape == (7, 1, 28, 28)
    assert images.min() >= 0 and images.max() <= 1
    assert (images * 255).round().byte().numpy().tobytes() == files[NAMES[0]][16:]
    assert labels.tolist() == list(files[NAMES[1]][8:])


def test_bad_sources_are_named_and_the_next_one_is_tried(tmp_path, files, caplog):
    altered = mirror(tmp_path / "altered", files | {NAMES[2]: files[NAMES[2]][:-1] + b"x"})
    truncated = mirror(tmp_path / "truncated", files)
    path = tmp_path / "truncated" / f"{NAMES[0]}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    missing = {"kind": "mirror", "url": (tmp_path / "nowhere").as_uri()}
    good = mirror(tmp_path / "good", files)
    with caplog.at_level("INFO"):
        download(settings([missing, truncated, altered, good], files), tmp_path / "data")
    messages = [record.getMessage() for record in caplog.records]
    assert "nowhere can't be reached" in messages[0]
    assert f"truncated delivers a truncated {NAMES[0]}.gz" in messages[1]
    assert f"altered delivers an altered {NAMES[2]}" in messages[2]
    assert messages[3].endswith("good.")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(NAMES)


def test_nothing_is_written_when_all_sources_fail(tmp_path, files):
    altered = mirror(tmp_path / "altered", files | {NAMES[3]: b"x"})
    with pytest.raises(UserError, match="no source delivered MNIST"):
        download(settings([altered], files), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_the_wheels_pickle_becomes_idx_files(files):
    def part(images, labels):
        return images.astype(np.float32) / 256, labels.astype(np.int64)

    images = np.frombuffer(files[NAMES[0]][16:], np.uint8).reshape(7, 784)
    labels = np.frombuffer(files[NAMES[1]][8:], np.uint8)
    test = np.frombuffer(files[NAMES[2]][16:], np.uint8).reshape(3, 784), np.frombuffer(files[NAMES[3]][8:], np.uint8)
    content = (part(images[:5], labels[:5]), part(images[5:], labels[5:]), part(*test))
    stream = pickle.dumps(content, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert _idx_files(stream) == files


@pytest.mark.parametrize("value", [print, UserError("x"), {"a": slice(1)}])
def test_code_is_never_unpickled(value):
    with pytest.raises(pickle.UnpicklingError, match="is not a numpy array"):
        ArrayUnpickler(io.BytesIO(pickle.dumps(value, protocol=2))).load()


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_damaged_file_is_named(tmp_path, files, content):
    for name, good in files.items():
        (tmp_path / name).write_bytes(good)
    broken = tmp_path / NAMES[2]
    broken.write_bytes(files[NAMES[2]][:-1] if content is None else content)
    with pytest.raises(UserError, match=f"{NAMES[2]} is damaged"):
        load("test", tmp_path)
    broken.unlink()
    with pytest.raises(UserError, match="dvc repro download"):
        load("test", tmp_path)
