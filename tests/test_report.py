import json

import numpy as np
import pandas as pd
import pytest
import torch

from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.reporting.figure2 import accuracy_curve
from analysis_by_synthesis.reporting.table1 import (
    ReportSettings,
    all_attacks,
    as_markdown,
    summarise,
    table1,
    write_metrics,
)

SETTINGS = ReportSettings(bootstrap=500, thresholds={"l2": 1.5, "linf": 0.3, "l0": 12.0})
INF = float("inf")


def series(*values):
    return pd.Series(values, dtype=float)


@pytest.fixture
def table(monkeypatch):
    from pipeline import ROOT

    monkeypatch.chdir(ROOT)
    distances = {
        ("l2", "FGM", "cnn"): series(0, 1, 2, INF),
        ("l2", "DeepFool", "cnn"): series(0, 2, 1, INF),
        ("linf", "FGSM", "abs"): series(0.1, 0.2, 0.4, 0.6),
    }
    clean = {"cnn": pd.DataFrame({"label": [1, 2], "predicted": [1, 3]})}
    return table1(distances, clean, SETTINGS, seed=0)


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


def test_all_rows_take_the_minimum_per_sample():
    distances = {
        ("l2", "FGM", "abs"): series(3, 1, 2),
        ("l2", "BIM", "abs"): series(2, 2),
        ("l2", "FGM", "cnn"): series(5),
    }
    together = all_attacks(distances)
    assert together["l2", "All L2 Attacks", "abs"].tolist() == [2, 1]
    assert together["l2", "All L2 Attacks", "cnn"].tolist() == [5]


def test_the_table_stands_beside_the_papers(table):
    assert table["attack"].tolist() == ["Clean", "FGM", "DeepFool", "All L2 Attacks", "FGSM", "All Linf Attacks"]
    rows = table.set_index("attack")
    assert rows.loc["Clean", "accuracy"] == 0.5 and np.isnan(rows.loc["Clean", "median"])
    assert rows.loc["Clean", "paper_accuracy"] == 0.991
    assert rows.loc["FGM", ["median", "paper_median", "paper_accuracy"]].tolist() == [1.5, 1.4, 0.48]
    assert rows.loc["All L2 Attacks", "median"] == 1.0
    assert np.isnan(rows.loc["FGSM", "paper_median"])  # the paper has no FGSM for ABS
    assert "| L2: FGM | 1.5 / 50% (1.4 / 48%), n=4 |" in as_markdown(table, "test")


def test_metrics_are_numbers(table, tmp_path):
    write_metrics(table, tmp_path)
    metrics = json.loads((tmp_path / "median" / "cnn.json").read_text())
    assert metrics == {"l2": {"FGM": 1.5, "DeepFool": 1.5, "All L2 Attacks": 1.0}}
    accuracy = json.loads((tmp_path / "accuracy" / "cnn.json").read_text())
    assert accuracy["clean"] == {"Clean": 0.5}


def test_the_accuracy_curve_falls_at_each_distance():
    curve = accuracy_curve(np.array([0.0, 1.0, INF]), np.array([0.0, 0.5, 1.0, 100.0]))
    assert curve == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])
