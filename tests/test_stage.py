"""What happens to results when something goes wrong."""

import runpy
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from project import ROOT

from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json, replacing
from analysis_by_synthesis.pipeline.stage import KEPT


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


def test_a_piece_that_lacks_its_time_is_made_again(tmp_path):
    checkpoints = Checkpoints("stage", {}, {}, [], tmp_path)
    checkpoints.save("first", {"x": 1})
    assert checkpoints.piece("first", lambda: {"x": 2}) == {"x": 2}
    checkpoints.save("second", torch.zeros(3))
    assert checkpoints.piece("second", lambda: {"x": 3}) == {"x": 3}


def test_json_that_can_not_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"can't be read \(Is a directory\)"):
        read_json(tmp_path)


def test_what_a_stage_needs_is_named_where_it_is_missing(tmp_path):
    with pytest.raises(UserError, match="data is not here; run: dvc repro"):
        Checkpoints("stage", {}, {}, [tmp_path / "data"], tmp_path)


def test_a_full_disk_is_named_and_loses_nothing(tmp_path, monkeypatch):
    checkpoints = Checkpoints("stage", {}, {}, [], tmp_path)
    checkpoints.save("first", torch.zeros(3))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(RuntimeError("file write failed")))
    with pytest.raises(UserError, match="the disk is full; free some space"):
        checkpoints.save("second", torch.ones(3))
    assert torch.equal(Checkpoints("stage", {}, {}, [], tmp_path).load("first"), torch.zeros(3))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise UserError('mend this.')", (1, "ERROR: mend this.")),
        ("raise KeyboardInterrupt", (130, f"Interrupted; {KEPT}.")),
        ("open('stages')", (1, f"ERROR: stages: Is a directory; mend that and run again, {KEPT}.")),
    ],
)
def test_a_command_ends_with_one_sentence(tmp_path, body, said):
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "params.yaml").write_text("")
    script = tmp_path / "stages/script.py"
    script.parent.mkdir()
    imports = "from analysis_by_synthesis.pipeline.errors import UserError\nfrom analysis_by_synthesis.pipeline.stage import run\n"
    script.write_text(f"{imports}def main(project): {body}\nrun(main)")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (said[0], "", f"{said[1]}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("attack.py", "cnn"), "1 arguments were given, but the usage is: python .*attack.py MODEL ATTACK"),
        (("attack.py", "cn", "fgm"), "no models.cn; correct the name"),
        (("attack.py", "cnn", "magic"), "params.yaml has no key attacks.magic"),
        (("bounds.py", "abs", "l3"), "there is no norm l3"),
        (("classify.py", "cn"), "no models.cn; correct the name"),
        (("train_vae.py", "ten"), "there is no class ten"),
        (("train_classifier.py", "abs"), "params.yaml has no key classifiers.abs"),
    ],
)
def test_wrong_arguments_of_a_stage_are_named(monkeypatch, arguments, said):
    script = str(ROOT / "stages" / arguments[0])
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [script, *arguments[1:]])
    with pytest.raises(SystemExit, match=rf"\AERROR: .*{said}.*\Z"):
        runpy.run_path(script, run_name="__main__")
