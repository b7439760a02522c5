import json

import numpy as np
import pandas as pd
import pytest
import torch

from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.reporting import disagreements
from analysis_by_synthesis.reporting.figure2 import accuracy_curve
from analysis_by_synthesis.reporting.flags import FlagSettings, flags
from analysis_by_synthesis.reporting.records import Cell, Row, all_attacks
from analysis_by_synthesis.reporting.table1 import ReportSettings, as_markdown, summarise, table1, write_metrics

FLAGS = FlagSettings(factor=1.05, share=0.05)
SETTINGS = ReportSettings(bootstrap=500, thresholds={"l2": 1.5, "linf": 0.3, "l0": 12.0}, disagreement=1.5, flags=FLAGS)
INF = float("inf")


def series(*values):
    return pd.Series(values, dtype=float)


def records(norm, *distances, rejected=(), zero_gradients=0):
    """Of samples that are all classified correctly."""
    table = pd.DataFrame({norm: distances}, dtype=float)
    table = table.assign(clean_correct=True, success=np.isfinite(table[norm]), rejected=False, seconds=0.5)
    table.loc[list(rejected), "rejected"] = True
    return table.assign(zero_gradients=zero_gradients)


@pytest.fixture
def table(monkeypatch):
    from pipeline import ROOT

    monkeypatch.chdir(ROOT)
    cells = {
        Row("l2", "FGM", "cnn"): records("l2", 0, 1, 2, INF, rejected=[3]),
        Row("l2", "DeepFool", "cnn"): records("l2", 0, 2, 1),
        Row("l2", "DDN", "cnn"): records("l2", 0, 0.5, 2, 2),
        Row("linf", "FGSM", "abs"): records("linf", 0.1, 0.2, 0.4, 0.6),
    }
    clean = {"cnn": pd.DataFrame({"label": [1, 2], "predicted": [1, 3]})}
    return table1(cells, clean, SETTINGS, seed=0)


def test_distances_of_known_images():
    x, y = torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 28, 28)
    y[0, 0, 0, :2] = torch.tensor([0.3, -0.4])
    y[0, 0, 1, 0] = 1e-7
    assert distance(x, y, "l2").item() == pytest.approx(0.5)
    assert distance(x, y, "linf").item() == pytest.approx(0.4)
    assert distance(x, y, "l0").item() == 2


def test_median_and_accuracy():
    row = summarise(np.array([0.0, 1.0, 2.0, INF]), 1.5, 500, np.random.default_rng(0))
    assert (row["n"], row["median"], row["accuracy"]) == (4, 1.5, 0.5)
    assert row["median_low"] <= 1.5 <= row["median_high"]
    row = summarise(np.array([0.0, INF, INF]), 1.5, 500, np.random.default_rng(0))
    assert row["median"] == INF


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = [
        row["accuracy_low"] <= 0.3 <= row["accuracy_high"]
        for row in (summarise(generator.random(200) - 0.7, 0.0, 200, generator) for _ in range(300))
    ]
    assert 0.91 <= np.mean(hits) <= 0.98


def test_all_rows_take_the_minimum_per_sample_over_the_attacks_that_it_was_given():
    distances = {
        Row("l2", "FGM", "abs"): series(3, 1, 2),
        Row("l2", "BIM w/ GE", "abs"): series(2, 2),
        Row("l2", "FGM", "cnn"): series(5),
    }
    together = all_attacks(distances)
    assert together["l2", "All L2 Attacks", "abs"].tolist() == [2, 1, 2]
    assert together["l2", "All L2 Attacks", "cnn"].tolist() == [5]


def test_the_table_stands_beside_the_papers(table):
    assert table["attack"].tolist() == [
        "Clean", "FGM", "DeepFool", "DDN", "All L2 Attacks", "All L2 Attacks, ours too", "FGSM", "All Linf Attacks, ours too",
    ]  # fmt: skip
    rows = table.set_index("attack")
    assert rows.loc["Clean", "accuracy"] == 0.5 and np.isnan(rows.loc["Clean", "median"])
    assert rows.loc["Clean", "paper_accuracy"] == 0.991
    assert rows.loc["FGM", ["median", "paper_median", "paper_accuracy"]].tolist() == [1.5, 1.4, 0.48]
    assert rows.loc["FGM", ["rejected", "seconds"]].tolist() == [1, 0.5]
    assert rows.loc["All L2 Attacks", ["n", "median"]].tolist() == [4, 1.0]
    assert rows.loc["All L2 Attacks, ours too", "median"] == 0.75
    assert np.isnan(rows.loc["FGSM", "paper_median"])  # the paper has no FGSM for ABS
    assert "| L2: FGM | 1.5 / 50% (1.4 / 48%), n=4 |" in as_markdown(table, "test")


def test_metrics_are_numbers(table, tmp_path):
    write_metrics(table, tmp_path)
    metrics = json.loads((tmp_path / "median" / "cnn.json").read_text())
    assert metrics["l2"] == {
        "FGM": 1.5, "DeepFool": 1.0, "DDN": 1.25, "All L2 Attacks": 1.0, "All L2 Attacks, ours too": 0.75
    }  # fmt: skip
    accuracy = json.loads((tmp_path / "accuracy" / "cnn.json").read_text())
    assert accuracy["clean"] == {"Clean": 0.5}


def raised(cells):
    modules = {
        "Gaussian Noise": "gaussian_noise", "Boundary Attack": "boundary", "FGM": "fast_gradient",
        "Carlini & Wagner": "carlini_wagner",
    }  # fmt: skip
    of = {
        row: Cell(model=row.model, attack="", module=modules.get(row.attack, "deepfool"), samples=len(table))
        for row, table in cells.items()
    }
    return [tuple(row) for row in flags(cells, of, FLAGS)[["flag", "attack", "value", "compared_with"]].to_numpy()]


def test_a_sound_evaluation_raises_no_flag():
    assert raised({
        Row("l2", "Gaussian Noise", "cnn"): records("l2", 5, 5, INF),
        Row("l2", "Boundary Attack", "cnn"): records("l2", 1.2, 1.2, 1.2),
        Row("l2", "DeepFool", "cnn"): records("l2", 1, 1, 1),
        Row("l2", "DeepFool w/ GE", "cnn"): records("l2", 1, 1),
        Row("l2", "FGM", "cnn"): records("l2", 2, 2, INF),
        Row("l2", "Carlini & Wagner", "cnn"): records("l2", 1, 1, 1, zero_gradients=7),
        Row("l2", "DeepFool", "abs"): records("l2", 9, 9, 9),
    }) == []  # fmt: skip


def test_flags_compare_attacks_on_the_samples_that_both_were_given():
    assert raised({
        Row("l2", "Gaussian Noise", "cnn"): records("l2", 5, 5, 2),
        Row("l2", "Boundary Attack", "cnn"): records("l2", 1, 1, 1),
        Row("l2", "DeepFool", "cnn"): records("l2", 2, 2, 9),
        Row("l2", "FGM", "cnn"): records("l2", 6, 6, 6),
        Row("l2", "DeepFool w/ GE", "cnn"): records("l2", 1, 1),
    }) == [
        ("black box beats white box", "Boundary Attack", 1, 2),
        ("weaker than noise", "FGM", 6, 5),
        ("estimated beats exact gradient", "DeepFool w/ GE", 1, 2),
    ]  # fmt: skip


def test_flags_of_a_single_attack():
    assert raised({
        Row("l2", "DeepFool", "cnn"): records("l2", 1, INF, INF, rejected=[1], zero_gradients=[0, 0, 1]),
    }) == [
        ("zero gradients", "DeepFool", pytest.approx(1 / 3), 0.05),
        ("not confirmed", "DeepFool", pytest.approx(1 / 3), 0.05),
        ("no success at any budget", "DeepFool", pytest.approx(1 / 3), 0.05),
    ]  # fmt: skip


def test_the_accuracy_curve_falls_at_each_distance():
    curve = accuracy_curve(np.array([0.0, 1.0, INF]), np.array([0.0, 0.5, 1.0, 100.0]))
    assert curve == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])


def test_medians_far_from_the_paper_s_are_listed_with_their_reason(monkeypatch, tmp_path):
    explanations = tmp_path / "disagreements.csv"
    explanations.write_text("norm,attack,model,why\nl2,FGM,cnn,our network differs\n")
    monkeypatch.setattr(disagreements, "EXPLANATIONS", explanations)
    rows = [
        ("l2", "FGM", "cnn", 50, 3.0, 1.4),
        ("l2", "FGM", "madry", 50, INF, INF),
        ("l2", "DeepFool", "cnn", 50, 1.3, 1.2),
        ("l2", "DDN", "cnn", 50, 0.1, np.nan),
        ("linf", "MIM w/ GE", "binary_cnn", 5, 0.4, INF),
    ]
    table = pd.DataFrame(rows, columns=["norm", "attack", "model", "n", "median", "paper_median"])
    found = disagreements.disagreements(table, 1.5)
    assert found["attack"].tolist() == ["FGM", "MIM w/ GE"]
    assert found["why"].tolist() == ["our network differs", disagreements.UNEXPLAINED]
    assert "* FGM, cnn: 3 instead of 1.4: our network differs." in disagreements.as_markdown(found, 1.5)
