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
