"""The pipeline of the authors' own networks."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from project import PARAMS, ROOT, pipeline_of_its_own

from analysis_by_synthesis.audit import pipelines
from analysis_by_synthesis.audit.released import RELEASED
from analysis_by_synthesis.audit.remake import check_remake
from analysis_by_synthesis.audit.stages import read_stages
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.control import papers_rows
from analysis_by_synthesis.networks.convert import CLASSIFIERS, VAES
from analysis_by_synthesis.networks.released import download
from analysis_by_synthesis.params.released import Download, Released, check
from analysis_by_synthesis.pipeline.code import SOURCE, entry_points
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.reporting.released import table_as_markdown

FOLDER = ROOT / "released"
OWN = yaml.safe_load((FOLDER / "params.yaml").read_text())
SHARED = ("seed", "order", "class_scalars", "clean_images", "paper_bounds", "evaluation")


def test_what_both_pipelines_have_is_the_same():
    assert {key: OWN[key] for key in SHARED} == {key: PARAMS[key] for key in SHARED}
    assert OWN["models"]["abs"] == PARAMS["models"]["abs"]
    assert OWN["bounds"]["search"].items() <= PARAMS["bounds"]["search"].items()
    for name, block in OWN["attacks"].items():
        assert block == PARAMS["attacks"][name] | {"samples": block["samples"]}, name
    assert OWN["report"] == PARAMS["report"] | {"all": PARAMS["report"]["all"] | {"ours": ["bound_guided"]}}


def test_all_files_that_are_converted_are_downloaded():
    assert {Path(path).name for path in OWN["released"]["sha256"]} == {*VAES, *CLASSIFIERS}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p: p.update(epochs=3), "has the unknown key epochs"),
        (lambda p: p["cells"]["attack"]["attacks"].append("ddn"), r"there is no block attacks\.ddn"),
        (lambda p: p["compared"].pop("abs"), "compared has no abs, which tables show"),
        (lambda p: p["released"]["sha256"].clear(), r"released\.sha256"),
    ],
)
def test_wrong_parameters_are_named(tmp_path, change, sentence):
    params = yaml.safe_load((FOLDER / "params.yaml").read_text())
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    check(path)
    change(params)
    path.write_text(yaml.safe_dump(params))
    with pytest.raises(UserError, match=sentence):
        check(path)


def test_its_stages_name_their_own_code():
    """Every key of code.json that dvc.yaml declares is an entry point, and scripts of its own come first."""
    entries = entry_points(Project(FOLDER), SOURCE)
    assert entries["stages.class_scalars"] == [FOLDER / "stages/class_scalars.py"]
    assert entries["stages.attack"] == [ROOT / "stages/attack.py"]
    declared = set()
    for stage in yaml.safe_load((FOLDER / "dvc.yaml").read_text())["stages"].values():
        for params in stage.get("params", ()):
            declared |= set(params["code.json"]) if isinstance(params, dict) else set()
    assert {key for key in declared if "$" not in key} - {"attacks"} <= set(entries)


def test_a_pipeline_below_another_has_its_mnist(tmp_path):
    (tmp_path / "released").mkdir()
    project = Project(tmp_path / "released")
    assert project.mnist == tmp_path / "released/data/mnist"
    (tmp_path / "data/mnist").mkdir(parents=True)
    below = Project(tmp_path / "released")
    assert below.mnist.resolve() == tmp_path / "data/mnist"
    below.params.write_text("seed: 0\n")
    assert dataset(below).folder.resolve() == tmp_path / "data/mnist"


def settings(tmp_path, **contents):
    """Of files of these contents, in a web folder that is not there."""
    sums = {f"nets/{name}.net": hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return Download(timeout_seconds=1.0, url=(tmp_path / "web").as_uri(), sha256=sums)


def test_files_on_this_machine_are_taken_if_they_are_the_authors(tmp_path, monkeypatch, caplog):
    wanted = settings(tmp_path, a=b"one", b=b"two")
    for name, content in {"old/a": b"another", "x/a": b"one", "x/b": b"two"}.items():
        (tmp_path / "local" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / f"{name}.net").write_bytes(content)
    monkeypatch.setenv("ABS_FILES", str(tmp_path / "local"))
    download(wanted, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a.net": b"one", "b.net": b"two"}
    assert "old/a.net is not the file that the authors released" in caplog.text


def test_a_file_that_is_nowhere_is_named_with_where_to_put_it(tmp_path, monkeypatch):
    wanted = settings(tmp_path, a=b"one", b=b"two")
    (tmp_path / "web/nets").mkdir(parents=True)
    (tmp_path / "web/nets/a.net").write_bytes(b"one")
    monkeypatch.delenv("ABS_FILES", raising=False)
    with pytest.raises(UserError, match=r"no source delivered nets/b\.net; get the 2 files .* let ABS_FILES name"):
        download(wanted, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "web/nets/b.net").write_bytes(b"two")
    download(wanted, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_the_paper_s_rows_stand_beside_each_model_that_is_compared_with_them():
    compared = {name: Released(label=name.upper(), paper="cnn") for name in ("one", "two")}
    paper = pd.DataFrame({
        "norm": "l2", "attack": "FGM", "model": ["cnn", "abs"], "median_distance": [1.4, 2.0],
        "accuracy_at_threshold": [0.48, 0.7],
    })  # fmt: skip
    rows = papers_rows(paper, compared)
    assert rows["model"].tolist() == ["one", "two"] and rows["median_distance"].tolist() == [1.4, 1.4]
    table = pd.DataFrame([
        {"norm": "l2", "attack": "FGM", "model": "two", "n": 9, "median": 1.3, "median_low": 1.0, "median_high": np.inf,
         "paper_median": 1.4, "accuracy": 0.5, "accuracy_low": 0.2, "accuracy_high": 0.8, "paper_accuracy": np.nan},
    ])  # fmt: skip
    assert "| L2: FGM | 9 | 1.3 (1 to ∞) | 1.4 | 50.0% (20.0% to 80.0%) |  |" in table_as_markdown(table, compared)


def test_its_tables_follow_from_its_records_and_the_paper_s_pipeline_has_a_copy(tmp_path):
    assert (FOLDER / "table1.csv").read_bytes() == (FOLDER / "metrics/table1.csv").read_bytes()
    project = pipeline_of_its_own("released", tmp_path)
    table = read_stages(project)["table"]
    assert check_remake(project, table).faults == []
    for path in (project.metrics / "paper_bounds.csv", project.metrics / "table1.md"):
        path.write_text(path.read_text().replace("0.", "0.1"))
    (project.metrics / "flags.csv").unlink()
    verdict = check_remake(project, table)
    assert [fault.split(":")[0] for fault in verdict.faults] == [
        f"metrics/{name}" for name in ("flags.csv", "paper_bounds.csv", "table1.md")
    ]


def test_the_audit_says_in_one_sentence_what_it_can_not_check_without_the_weights(tmp_path):
    project = pipeline_of_its_own("released", tmp_path)
    *_, last = pipelines.verdicts(Project(tmp_path), RELEASED, share=1.0, seed=0)
    assert last.skipped and last.faults == [] and last.checked.endswith("state, predictions and adversarials")
    (note,) = last.notes
    assert note.endswith("0.safetensors is not here; make released gets what is missing")
    shutil.rmtree(project.metrics)
    (verdict,) = pipelines.verdicts(Project(tmp_path), RELEASED, share=1.0, seed=0)
    assert verdict.skipped and verdict.notes == ["it has no results yet; make released computes them"]
