"""The audit passes on what the pipeline has made, and names whatever is changed afterwards."""

import re
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis_by_synthesis.audit.__main__ import verdicts
from analysis_by_synthesis.audit.adversarials import check_cell
from analysis_by_synthesis.audit.numbers import check_numbers
from analysis_by_synthesis.audit.rerun import check_rerun
from analysis_by_synthesis.audit.state import check_state
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.reporting.records import Cell

pytestmark = pytest.mark.xdist_group("after the smoke run")

CELL = "cnn-gaussian_noise"


@pytest.fixture(scope="module")
def committed(project):
    """The project in a git repository."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *command], cwd=project, check=True)
        (project / ".git/info/exclude").write_text(".dvc/\n")
    return project


@pytest.fixture(autouse=True)
def inside(committed, monkeypatch):
    monkeypatch.chdir(committed)


def cells():
    groups = yaml.safe_load(Path("params.yaml").read_text())["cells"]
    return {name: Cell(**cell) for group in groups.values() for name, cell in group.items()}


@contextmanager
def changed(name, change):
    """A file after `change` has been applied to its path; it is put back."""
    path = Path(name)
    original = path.read_bytes()
    change(path)
    assert not path.exists() or path.read_bytes() != original
    try:
        yield
    finally:
        path.write_bytes(original)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def edit(column, row, value):
    def change(path):
        table = pd.read_csv(path)
        table.loc[row, column] = value(table.loc[row, column])
        table.to_csv(path, index=False, float_format="%.6g")

    return change


def shrink_adversarials(path):
    with np.load(path) as archive:
        pixels = archive["adversarial"]
    np.savez_compressed(path.with_suffix(""), adversarial=(pixels * 0.99).astype(np.uint16))


def edit_last_number(path):
    before, digit, after = re.match(r"(?s)(.*)(\d)(.*)", path.read_text()).groups()
    path.write_text(f"{before}{(int(digit) + 1) % 10}{after}")


def audit_cell():
    images, labels = load("test")
    images, labels, model = images[:10], labels[:10], load_model("cnn")
    return check_cell(CELL, cells()[CELL], model, images, labels, predict(model, images)).faults


def test_everything_passes_as_the_pipeline_has_left_it():
    found = list(verdicts(reruns=0, seed=0))
    assert [str(verdict) for verdict in found if verdict.faults] == []
    assert len(found) == 1 + 6 + len(cells()) + 2 + 1


def test_a_cell_gives_the_recorded_distances_again():
    assert check_rerun(CELL, cells()[CELL], "l2", samples=5).faults == []
    with changed(f"results/attacks/{CELL}.csv", edit("l2", 1, lambda distance: distance * 1.1)):
        assert "1 of 5 distances" in check_rerun(CELL, cells()[CELL], "l2", samples=5).faults[0]


def test_whatever_dvc_and_git_know_otherwise_is_named():
    changes = {
        "models/abs/3.safetensors": flip_a_bit,
        f"results/attacks/{CELL}.npz": flip_a_bit,
        "params.yaml": lambda path: path.write_text(path.read_text().replace("levels: 20", "levels: 30")),
        "metrics/clean_accuracy.json": Path.unlink,
    }
    stray = Path("results/attacks/cnn-magic.csv")
    with ExitStack() as stack:
        stack.callback(stray.unlink)
        stray.write_text("")
        for name, change in changes.items():
            stack.enter_context(changed(name, change))
        faults = check_state(cells()).faults
    for name in changes:
        assert any(name in fault and "git" not in fault for fault in faults)
        assert f"{name}: not as git has it" in faults
    assert any("cnn-magic: no cell" in fault for fault in faults)


def first_found():
    records = pd.read_csv(f"results/attacks/{CELL}.csv")
    return int(records.index[records["success"] & records["clean_correct"]][0])


def test_a_shrunk_adversarial_is_named():
    with changed(f"results/attacks/{CELL}.npz", shrink_adversarials):
        assert any(f"test image {first_found()}: l2 is" in fault for fault in audit_cell())


@pytest.mark.parametrize(
    ("column", "value"),
    [("l2", lambda distance: distance * 0.99), ("label", lambda label: (label + 1) % 10), ("predicted", lambda c: (c + 1) % 10)],
)  # fmt: skip
def test_an_edited_record_is_named(column, value):
    row = first_found()
    with changed(f"results/attacks/{CELL}.csv", edit(column, row, value)):
        assert [fault.split(" is ")[0] for fault in audit_cell()] == [f"{CELL}, test image {row}: {column}"]


def test_a_missing_record_is_named():
    with changed(f"results/attacks/{CELL}.csv", lambda path: pd.read_csv(path).iloc[:-1].to_csv(path, index=False)):
        assert audit_cell() == [f"{CELL}: 9 records and 10 adversarials, not 10"]


def test_a_number_that_does_not_follow_from_the_records_is_named():
    names = ["metrics/median/abs.json", "metrics/table1.csv", "plots/figure2/l2.csv"]
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(changed(name, edit_last_number))
        assert check_numbers().faults == [f"{name}: does not follow from the records" for name in names]
