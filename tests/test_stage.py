"""What happens to results when something goes wrong."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from analysis_by_synthesis.stage import Problem, replacing
from analysis_by_synthesis.work import Work


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "result"
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    with replacing(path) as partial:
        partial.write_text("first")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_named_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = Work("stage", [], [])
    work.save("first", torch.zeros(3))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(RuntimeError("file write failed")))
    with pytest.raises(Problem, match="the disk is full; free some space"):
        work.save("second", torch.ones(3))
    assert torch.equal(Work("stage", [], []).load("first"), torch.zeros(3))


def test_a_problem_ends_a_stage_as_one_sentence():
    code = "from analysis_by_synthesis.stage import Problem, run\ndef main(): raise Problem('mend this.')\nrun(main)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "ERROR: mend this.\n")
