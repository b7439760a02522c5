"""The whole pipeline end to end, on real MNIST with tiny parameters."""

import subprocess
import sys

import pandas as pd
import pytest
import smoke
import yaml

pytestmark = pytest.mark.xdist_group("the smoke run")


def runs(project):
    """The stages that `dvc repro` would run now."""
    command = ["dvc", "repro", "--dry"]
    done = subprocess.run(
        command, cwd=project, env=smoke.environment(project), capture_output=True, text=True, check=False
    )
    return {line.split("'")[1] for line in (done.stdout + done.stderr).splitlines() if line.startswith("Running stage")}


def test_everything_is_made(project):
    table = pd.read_csv(project / "metrics" / "table1.csv")
    assert set(table["model"]) == {"cnn", "binary_cnn", "nearest_neighbor", "madry", "binary_abs", "abs"}
    assert {"clean", "l2", "linf", "l0"} == set(table["norm"])
    figures = [f"figure{number}" for number in range(1, 9)] + ["reliability", "vae_health"]
    drawn = [f"plots/{name}.{suffix}" for name in figures for suffix in ("png", "pdf")]
    numbers = [f"metrics/{name}" for name in ("bounds.json", "clean_accuracy.json", "calibration.csv", "distal.json")]
    for path in drawn + numbers:
        assert (project / path).stat().st_size > 0
    assert runs(project) == set()


def test_what_is_up_to_date_says_so_in_one_line_and_shows_the_results(project):
    command = [sys.executable, "-m", "analysis_by_synthesis", "repro"]
    done = subprocess.run(command, cwd=project, env=smoke.environment(project), capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len([line for line in lines if "didn't change" in line]) == 1
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    assert any(line.startswith("lower bound") for line in lines)


def test_changes_rerun_only_what_reads_them(project):
    path = project / "params.yaml"
    original = path.read_text()
    changes = {
        "attacks": {"bim": {"iterations": 3}},
        "report": {"disagreement": 2.0},
        "vae": {"max_learning_rate": 0.001},
    }
    path.write_text(yaml.safe_dump(smoke.merge(yaml.safe_load(original), changes), sort_keys=False))
    try:
        found = runs(project)
    finally:
        path.write_text(original)
    trainings = {f"train_vae@{digit}" for digit in range(10)}
    cells = {"transfer@cnn-bim", "attack_networks@madry-bim", "seeds@cnn-1"}
    of_both = {f"{stage}@{model}" for stage in ("protocol", "reconstructions") for model in ("abs", "binary_abs")}
    named = {"report", "agreement", "claims", "control", "figures", "l1", "searches"} | of_both
    assert found == {"code"} | cells | named | trainings  # what names the attacks goes with them
