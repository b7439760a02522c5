"""Table 2 from records, and the pipeline that makes it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from project import pipeline_of_its_own

from analysis_by_synthesis.audit import pipelines
from analysis_by_synthesis.audit.files import check_files
from analysis_by_synthesis.audit.remake import check_remake
from analysis_by_synthesis.audit.stages import read_stages
from analysis_by_synthesis.audit.two_class_cifar import BOUNDED, TWO_CLASS_CIFAR
from analysis_by_synthesis.data import mnist, two_class_cifar
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.convergence import summarise
from analysis_by_synthesis.evaluation.statistics import median
from analysis_by_synthesis.evaluation.table2 import ALL, LOWER, read_cells, table2
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.two_class_cifar import Published, Table, check
from analysis_by_synthesis.pipeline.code import SOURCE, entry_points
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import write_csv

FOLDER = Path(__file__).parents[1] / "two_class_cifar"
ATTACKS = {
    "l2_bim": AttackBlock(module="basic_iterative", label="L2 BIM", norm="l2", samples=8),
    "latent_descent": AttackBlock(module="latent_descent", label="Latent Descent Attack", norm="l2", samples=8),
}
CELLS = {"cnn": ["l2_bim"], "abs": ["latent_descent", "l2_bim"]}
TABLE = Table(
    paper={
        "cnn": Published(accuracy=0.971, median=0.8, attack="l2_bim"),
        "abs": Published(accuracy=0.897, median=2.5, attack="latent_descent"),
    }
)


@pytest.fixture
def project(tmp_path):
    """Records of 8 attacked images, and of 10 clean ones; the first image is misclassified already."""
    made, generator = Project(tmp_path), np.random.default_rng(0)
    images = range(8)
    for model, names in CELLS.items():
        for name in names:
            distances = np.r_[0, generator.uniform(1, 2, 7)]
            write_csv(made.attacks / f"{model}-{name}.csv", pd.DataFrame({"image": images, "l2": distances}))
        clean = pd.DataFrame({"image": range(10), "label": 1, "predicted": [0] + [1] * 9})
        write_csv(made.clean / f"{model}.csv", clean)
    bounds = pd.DataFrame({"image": images, "l2": [0, np.inf, *[1.2] * 6], "lower": [0, *[0.9] * 7]})
    write_csv(made.bounds / "abs-l2.csv", bounds)
    return made


def made_table(project):
    clean = {model: pd.read_csv(project.clean / f"{model}.csv") for model in CELLS}
    return table2(read_cells(project, ATTACKS, CELLS, BOUNDED), clean, TABLE.paper).set_index(["model", "attack"])


def test_medians_and_accuracies_are_those_of_the_records(project):
    table = made_table(project)
    distances = pd.read_csv(project.attacks / "abs-latent_descent.csv")["l2"].to_numpy()
    row = table.loc["abs", "Latent Descent Attack"]
    assert (row["median"], row["median_low"], row["median_high"]) == median(distances)
    assert (row["n"], row["accuracy"], row["images"]) == (8, 0.9, 10)
    assert row["accuracy_low"] < 0.9 < row["accuracy_high"]
    assert table.loc["abs", LOWER]["median"] == 0.9
    assert ("cnn", LOWER) not in table.index


def test_all_attacks_together_are_the_nearest_of_each_image(project):
    nearest = np.minimum.reduce([
        pd.read_csv(path)["l2"].to_numpy()
        for path in (*project.attacks.glob("abs-*.csv"), project.bounds / "abs-l2.csv")
    ])  # fmt: skip
    assert made_table(project).loc["abs", ALL]["median"] == pytest.approx(np.median(nearest))


def test_the_papers_medians_stand_beside_its_attacks_alone(project):
    papers = made_table(project)["paper_median"].dropna().to_dict()
    assert papers == {("cnn", "L2 BIM"): 0.8, ("abs", "Latent Descent Attack"): 2.5}


def test_the_audit_finds_a_table_that_does_not_follow_from_the_records(tmp_path):
    project = pipeline_of_its_own("two_class_cifar", tmp_path)
    table = read_stages(project)["table"]
    assert check_remake(project, table).faults == []
    write_csv(project.clean / "cnn.csv", pd.read_csv(project.clean / "cnn.csv").assign(predicted=0))
    found = check_remake(project, table).faults
    assert [fault.split(":")[0] for fault in found] == ["metrics/table2.csv", "metrics/table2.md"]


def test_the_audit_names_each_file_that_can_not_be_read_and_stops_there(tmp_path):
    project = pipeline_of_its_own("two_class_cifar", tmp_path)
    assert check_files(project).faults == []
    cell = project.attacks / "cnn-ddn"
    table = pd.read_csv(cell.with_suffix(".csv"))
    garbled = table["clean_correct"].astype(object).where(table.index > 0, "x")
    damaged = {
        cell.with_suffix(".csv"): [
            ("", "can't be read"),
            (table.drop(columns="l2").to_csv(index=False), "l2 is missing or garbled"),
            (table.assign(clean_correct=garbled).to_csv(index=False), "clean_correct is missing or garbled"),
            (table.iloc[1:].to_csv(index=False), f"not ({len(table) - 1}, 3, 32, 32)"),
        ],
        cell.with_suffix(".npz"): [("PK", "can't be read")],
        cell.with_suffix(".json"): [('{"a": 1}', "is no run card"), ("{", "is not JSON")],
        project.clean / "abs.csv": [("image,label\n0,1\n", "predicted is missing or garbled")],
        project.code: [("[1]", "has other keys than it should"), ('{"a": 1}', "has other keys than it should")],
        project.experiment: [('{"a": 1}', "has other keys than it should")],
    }
    for path, changes in damaged.items():
        before = path.read_bytes()
        for content, sentence in changes:
            path.write_text(content)
            (fault,) = check_files(project).faults
            assert path.stem in fault and sentence in fault
        path.write_bytes(before)
    project.code.write_text("[1]")
    *_, last = pipelines.verdicts(Project(tmp_path), TWO_CLASS_CIFAR, share=1.0, seed=0)
    assert last.faults == [f"{project.code}: has other keys than it should; take it from git"]


def test_convergence_counts_falls_and_changed_classes():
    found = pd.DataFrame({
        "image": [7, 7, 9, 9], "class": [0, 1, 0, 1],
        "arbiter": [10.0, 11.0, 10.0, 12.0], "encoder": [10.0, 9.0, 10.0, 12.0], "longer": [9.99, 30.0, 9.5, 12.0],
    })  # fmt: skip
    summary = summarise(found)
    assert (summary["images"], summary["lower"], summary["changed"]) == (2, 0.5, 0.5)
    assert summary["mean_fall"] == pytest.approx((2 + 0.5) / 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p: p.update(epochs=3), "has the unknown key epochs"),
        (lambda p: p["cells"]["attack"]["cnn"].append("fgm"), r"cells\.attack\.cnn: there is no block attacks\.fgm"),
        (lambda p: p["models"]["abs"].update(classes=0), r"models\.abs\.classes"),
        (lambda p: p["data"].pop("md5"), r"data\.md5"),
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


def test_a_project_knows_its_data_set(tmp_path):
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    assert dataset(Project(tmp_path)) == mnist.dataset(tmp_path / "data/mnist")
    assert dataset(Project(FOLDER)) == two_class_cifar.dataset(FOLDER / "data/two_class_cifar")


def test_its_stages_are_the_projects_and_its_own():
    entries = entry_points(Project(FOLDER), SOURCE)
    assert entries["stages.table"] == [FOLDER / "stages/table.py"]
    assert entries["stages.train_vae"] == [SOURCE.parent / "stages/train_vae.py"]
    assert {path.name for path in entries["models.abs"]} == {"abs.py", "cifar_vae.py"}
