"""The audit passes on what the pipeline has made, and names whatever is changed afterwards."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import smoke

from analysis_by_synthesis.audit.adversarials import check_cells
from analysis_by_synthesis.audit.bounds import check_bounds, check_search
from analysis_by_synthesis.audit.checks import REMADE, verdicts
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.provenance import check_provenance
from analysis_by_synthesis.audit.remake import check_remake
from analysis_by_synthesis.audit.stages import read_stages
from analysis_by_synthesis.audit.state import check_code, check_configuration, check_state
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.results import Row, read_cells
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project

pytestmark = pytest.mark.xdist_group("after the smoke run")

CELL = "results/attacks/cnn-gaussian_noise"
BOUNDS = "results/bounds/abs-l2"
CHOSEN = "cnn-gaussian_noise: the records are not of the first 10 test images of the random order"


@pytest.fixture(scope="module")
def committed(project):
    """The project in a git repository."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *command], cwd=project, check=True)
        (project / ".git/info/exclude").write_text(".dvc/\n")
    return project


@pytest.fixture
def audited(committed, monkeypatch):
    """The project that is audited; the stages that the audit runs find its code."""
    monkeypatch.setenv("PYTHONPATH", str(committed / "src"))
    return Project(committed)


@pytest.fixture(scope="module")
def test_split(committed):
    return load("test", committed / "data/mnist")


@contextmanager
def changed(path, change):
    """A file after `change` has been applied to its path; it is put back."""
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


def replaced(old, new):
    def change(path):
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


def edited_card(**changes):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def shrink_adversarials(path):
    with np.load(path) as archive:
        pixels = archive["adversarial"]
    np.savez_compressed(path.with_suffix(""), adversarial=(pixels * 0.99).astype(np.uint16))


def edit_last_number(path):
    before, digit, after = re.match(r"(?s)(.*)(\d)(.*)", path.read_text()).groups()
    path.write_text(f"{before}{(int(digit) + 1) % 10}{after}")


def audit_cell(project, test_split):
    model, stem = load_model("cnn", project.models), project.root / CELL
    (verdict,) = check_cells([stem], model, *test_split, project.experiment, share=1.0, seed=0)
    return verdict.faults


def provenance(project):
    return check_provenance(project, read_stages(project), json.loads(project.code.read_text()))


def test_everything_passes_as_the_pipeline_has_left_it(audited):
    alone = ("figures", "figure4", "report", "runs", "pgd_accuracy")  # made again by a test of their own
    remade = {name: tolerance for name, tolerance in REMADE.items() if name not in alone}
    found = list(verdicts(audited, everything=False, reruns=1, seed=0, remade=remade))
    assert [str(verdict) for verdict in found if verdict.faults] == []
    assert "results: 77 were made by the present code, 0 by older code" in found[3].checked
    assert found[3].notes == []


def test_a_cell_gives_the_recorded_distances_again(audited):
    stage, chunk = read_stages(audited)["transfer@cnn-gaussian_noise"], {"attacks.gaussian_noise.samples": 5}
    assert check_remake(audited, stage, 0.01, chunk).faults == []
    with changed(audited.root / f"{CELL}.csv", edit("queries", [0, 1, 2], lambda queries: queries + 5)):
        assert "numbers are not what the stage makes" in check_remake(audited, stage, 0.01, chunk).faults[0]


def test_whatever_dvc_and_git_know_otherwise_is_named(audited):
    changes = {
        "models/abs/3.safetensors": flip_a_bit,
        f"{CELL}.npz": flip_a_bit,
        "params.yaml": replaced("levels: 20", "levels: 30"),
        "metrics/clean_accuracy.json": Path.unlink,
        f"{CELL}.json": edited_card(code={"attacks.gaussian_noise": "0" * 16}),
        "code.json": replaced('"attack": "', '"attack": "f'),
    }
    stray = "results/attacks/cnn-magic.csv"
    with ExitStack() as stack:
        stack.callback((audited.root / stray).unlink)
        (audited.root / stray).write_text("")
        for name, change in changes.items():
            stack.enter_context(changed(audited.root / name, change))
        faults = check_state(audited, read_stages(audited)).faults
    for name in changes:
        assert any(name in fault and "git" not in fault for fault in faults), name
        assert f"{name}: not as git has it" in faults
    assert f"{stray}: no stage makes this" in faults


def test_without_git_the_state_is_said_to_be_unknown(committed, tmp_path):
    copy = Project(shutil.copytree(committed, tmp_path / "copy", ignore=shutil.ignore_patterns(".git")))
    (fault,) = check_state(copy, read_stages(copy)).faults
    assert fault.startswith("status --porcelain has failed (fatal: not a git repository")


def test_an_edited_code_json_is_named(audited):
    with changed(audited.code, replaced('"ddn": "', '"ddn": "f')):
        assert check_code(audited).faults == ["code.json: attacks.ddn is not that of the code; run: dvc repro code"]


def test_code_that_was_changed_afterwards_is_named(audited):
    with changed(
        audited.root / "src/analysis_by_synthesis/attacks/ddn.py", replaced("settings.steps", "1 + settings.steps")
    ):
        # the package that runs is another one: this project's is read as text
        faults = [fault for fault in check_state(audited, read_stages(audited)).faults if fault.startswith("code:")]
    assert any("src/analysis_by_synthesis" in fault for fault in faults)


def test_a_card_of_other_code_than_the_lock_is_named(audited):
    """As after `dvc commit`, or with an edited fingerprint."""
    other = {"attacks.gaussian_noise": "0" * 16}
    for code in (other, {}):
        with changed(audited.root / f"{CELL}.json", edited_card(code=code)):
            (fault,) = provenance(audited).faults
            assert fault.startswith("transfer@cnn-gaussian_noise: dvc.lock says")


def test_results_of_older_code_are_counted_and_named(audited):
    now = json.loads((audited.root / "code.json").read_text())["attacks"]["gaussian_noise"]
    with changed(audited.root / "code.json", replaced(now, "0" * 16)):
        verdict = provenance(audited)
    assert verdict.faults == [] and "76 were made by the present code, 1 by older code" in verdict.checked
    assert verdict.notes == ["made by older code: transfer cnn-gaussian_noise"]


def test_dvc_commit_after_a_change_of_code_is_named(committed, tmp_path):
    clone = shutil.copytree(committed, tmp_path / "clone")
    replaced("levels + 1", "levels + 2")(clone / "src/analysis_by_synthesis/attacks/gaussian_noise.py")
    for command in (["repro", "code"], ["commit", "--force", "transfer@cnn-gaussian_noise"]):
        subprocess.run(["dvc", *command, "--quiet"], cwd=clone, env=smoke.environment(clone), check=True)
    (fault,) = provenance(Project(clone)).faults
    assert fault.startswith("transfer@cnn-gaussian_noise: dvc.lock says that it was made by the present code")


def test_other_versions_are_noted(audited):
    versions = json.loads((audited.root / f"{CELL}.json").read_text())["versions"]
    with changed(audited.root / f"{CELL}.json", edited_card(versions=versions | {"foolbox": "1.3.2"})):
        verdict = provenance(audited)
    assert verdict.faults == []
    assert verdict.notes == [
        "transfer@cnn-gaussian_noise: made with foolbox 1.3.2, which are not those of requirements.txt"
    ]


def test_an_edited_configuration_is_named(audited):
    with changed(audited.models / "abs/config.json", replaced('"candidates": 500', '"candidates": 600')):
        assert check_configuration(audited).faults == ["models/abs/config.json: is not what params.yaml says"]


def first_found(project):
    """The row of the first adversarial of the cell, and its test image."""
    records = pd.read_csv(project.root / f"{CELL}.csv")
    row = int(records.index[records["success"] & records["clean_correct"]][0])
    return row, records.loc[row, "image"]


def test_a_shrunk_adversarial_is_named(audited, test_split):
    _, image = first_found(audited)
    with changed(audited.root / f"{CELL}.npz", shrink_adversarials):
        assert any(f"test image {image}: l2 is" in fault for fault in audit_cell(audited, test_split))


@pytest.mark.parametrize(
    ("column", "value"),
    [("l2", lambda distance: distance * 0.99), ("label", lambda label: (label + 1) % 10), ("predicted", lambda c: (c + 1) % 10)],
)  # fmt: skip
def test_an_edited_record_is_named(audited, test_split, column, value):
    row, image = first_found(audited)
    with changed(audited.root / f"{CELL}.csv", edit(column, row, value)):
        (fault,) = audit_cell(audited, test_split)
        assert fault.startswith(f"cnn-gaussian_noise, test image {image}: {column} is ")


def test_a_missing_or_doubled_record_is_named(audited, test_split):
    with changed(audited.root / f"{CELL}.csv", lambda path: pd.read_csv(path).iloc[:-1].to_csv(path, index=False)):
        assert audit_cell(audited, test_split) == ["cnn-gaussian_noise: 9 records and 10 adversarials, not 10"]
    with changed(
        audited.root / f"{CELL}.csv", lambda path: pd.read_csv(path).iloc[[0, *range(9)]].to_csv(path, index=False)
    ):
        assert audit_cell(audited, test_split) == [CHOSEN]


def keep_the_farthest(path):
    """Five of ten samples, those that are farthest away, in records, adversarials and card alike."""
    records = pd.read_csv(path)
    kept = records.sort_values("l2").index[5:].sort_values()
    records.loc[kept].to_csv(path, index=False)
    with np.load(path.with_suffix(".npz")) as archive:
        pixels = archive["adversarial"][kept]
    np.savez_compressed(path.with_suffix(""), adversarial=pixels)
    edited_card(samples=5)(path.with_suffix(".json"))


def test_samples_that_somebody_has_chosen_are_named(audited, test_split):
    card, pixels = (audited.root / f"{CELL}{suffix}" for suffix in (".json", ".npz"))
    kept = {path: path.read_bytes() for path in (card, pixels)}
    with changed(audited.root / f"{CELL}.csv", keep_the_farthest):
        assert audit_cell(audited, test_split) == [CHOSEN.replace("10", "5")]
    for path, content in kept.items():
        path.write_bytes(content)


def test_an_image_that_was_wrong_from_the_start_can_not_be_claimed_right(audited, test_split):
    wrong = pd.read_csv(audited.root / f"{CELL}.csv").query("not clean_correct").index[0]
    for row, claim in ((first_found(audited)[0], False), (wrong, True)):
        with changed(audited.root / f"{CELL}.csv", edit("clean_correct", row, lambda _, claim=claim: claim)):
            (fault,) = audit_cell(audited, test_split)
        assert fault.endswith(f"clean_correct is not {claim}")


def test_clean_predictions_without_the_wrong_ones_are_named(audited, test_split):
    model, path = load_model("cnn", audited.models), audited.clean / "cnn.csv"
    with changed(path, lambda path: pd.read_csv(path).query("label == predicted").to_csv(path, index=False)):
        assert check_clean(path, 100, model, *test_split).faults == ["cnn: they are not of the first 100 test images"]


def test_every_wrong_prediction_is_named(audited, test_split):
    model, path = load_model("cnn", audited.models), audited.clean / "cnn.csv"
    with changed(path, edit("predicted", 77, lambda c: (c + 1) % 10)):
        assert check_clean(path, 100, model, *test_split).faults == [
            "cnn, test image 77: the recorded prediction is not the model's"
        ]
    with changed(path, edit("label", 78, lambda c: (c + 1) % 10)):
        assert check_clean(path, 100, model, *test_split).faults == [
            "cnn, test image 78: the recorded label is not MNIST's"
        ]


def bounds_faults(project, test_split):
    keys = {"attacks": dict[str, AttackBlock], "cells": Cells, "bounds": BoundsSettings}
    attacks, cells, bounds = read(keys, project.params)
    found, model = read_cells(project, attacks, cells), load_model("abs", project.models)
    records = found[Row("l2", BOUND_GUIDED_LABEL, "abs")].records
    searched = check_search(records, "abs", model, "l2", bounds.chosen, *test_split, seed=0)
    return check_bounds(records, found, "abs", "l2").faults, searched.faults


def test_bounds_that_are_halved_zero_or_too_large_are_named(audited, test_split):
    records = pd.read_csv(audited.root / f"{BOUNDS}.csv")
    attacked = records.index[records["clean_correct"]]
    if not len(attacked):
        pytest.skip("the tiny ABS is right about none of its images")
    for factor in (0.5, 0):
        with changed(
            audited.root / f"{BOUNDS}.csv", edit("lower", attacked, lambda bound, factor=factor: factor * bound)
        ):
            violated, searched = bounds_faults(audited, test_split)
        assert violated == [] and len(searched) == len(attacked)
    with changed(audited.root / f"{BOUNDS}.csv", edit("lower", attacked, lambda bound: 100 + bound)):
        assert len(bounds_faults(audited, test_split)[0]) == len(attacked)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("report", ["metrics/accuracy/linf/bim.json", "metrics/table1.csv", "plots/figure2/l2.csv"]),
        ("figures", ["plots/figure8/l0.csv"]),
        ("runs", ["metrics/runs.csv"]),
    ],
)
def test_a_number_that_does_not_follow_is_named(audited, stage, names):
    """And no other."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(changed(audited.root / name, edit_last_number))
        assert check_remake(audited, read_stages(audited)[stage]).faults == [
            f"{name}: is not what the stage makes from its inputs" for name in names
        ]


def brighten(path):
    with np.load(path) as drawn:
        arrays = dict(drawn)
    arrays["pixels"] = 255 - arrays["pixels"]
    np.savez_compressed(path.with_suffix(""), **arrays)


def test_a_figure_s_data_replaced_is_named(audited):
    drawn, numbers = audited.plots / "drawn/figure4.npz", audited.metrics / "distal.json"
    with changed(drawn, brighten), changed(numbers, edit_last_number):
        faults = check_remake(audited, read_stages(audited)["figure4"]).faults
    assert [fault.split(":")[0] for fault in faults] == ["metrics/distal.json", "plots/drawn/figure4.npz"]


def test_a_wrong_pgd_accuracy_is_named(audited):
    wrong = json.dumps({"madry": 0.9, "images": 100})
    with changed(audited.metrics / "pgd_accuracy.json", lambda path: path.write_text(wrong)):
        (fault,) = check_remake(audited, read_stages(audited)["pgd_accuracy"], 0.01).faults
    assert "numbers are not what the stage makes" in fault
