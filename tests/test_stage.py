"""What happens to results when something goes wrong."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from project import ROOT

from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing


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


def ended(script, *arguments, cwd=ROOT):
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise UserError('mend this.')", "ERROR: mend this."),
        ("raise KeyboardInterrupt", "Interrupted; what was finished is kept, and the same command goes on from there."),
    ],
)
def test_a_command_ends_with_one_sentence(tmp_path, body, said):
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "params.yaml").write_text("")
    script = tmp_path / "stages/script.py"
    script.parent.mkdir()
    imports = "from analysis_by_synthesis.pipeline.errors import UserError\nfrom analysis_by_synthesis.pipeline.stage import run\n"
    script.write_text(f"{imports}def main(project): {body}\nrun(main)")
    done = ended(script, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{said}\n")


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
def test_wrong_arguments_of_a_stage_are_named(arguments, said):
    done = ended(ROOT / "stages" / arguments[0], *arguments[1:])
    assert done.returncode == 1
    assert re.fullmatch(f"ERROR: .*{said}.*\n", done.stderr)
