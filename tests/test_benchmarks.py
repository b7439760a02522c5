"""The benchmarks still fit the package."""

import importlib
import json
import math

import pytest
from project import ROOT

NEED_MORE = {"cell_58da3a0", "gpu"}  # the code of that commit; Triton


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - NEED_MORE))
def test_a_benchmark_can_be_imported(name):
    assert importlib.import_module(name).main


def test_a_cell_is_timed(capsys):
    importlib.import_module("cell_now").main("cnn", "deepfool_l2", "2")
    facts = json.loads(capsys.readouterr().out)
    assert facts["wall"] > 0 and facts["cpu"] > 0 and facts["queries"] > 0 and math.isfinite(facts["median"])


def test_the_cost_of_a_certificate_is_measured(tmp_path, monkeypatch):
    certificate = importlib.import_module("certificate")
    for name, size in {"DESCENTS": 2, "LATENTS": 2, "MINIMA": 2, "STEPS": 2, "RESAMPLES": 10}.items():
        monkeypatch.setattr(certificate, name, size)
    certificate.main(str(tmp_path / "certificate.json"))
    rows = json.loads((tmp_path / "certificate.json").read_text())["rows"]
    assert [row["chosen"] for row in rows[::4]] == ["least D", "median D", "first"]
    assert all(row["ball"] > 0 and row["published"] > 0 for row in rows)


def test_an_engine_that_is_compared_is_the_one_that_runs():
    pytest.importorskip("triton")
    engine = object()
    assert importlib.import_module("gpu").with_engine("abs", engine).inference is engine
