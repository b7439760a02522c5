"""docs/attacks.md, followed to the letter: a gradient attack and a decision attack, in a copy of this project."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from textwrap import dedent

import pandas as pd
import pytest
import yaml
from dvc.repo import Repo
from project import ROOT
from smoke import environment

from analysis_by_synthesis.pipeline.files import read_json

PACKAGE = "src/analysis_by_synthesis"
RECIPE = (ROOT / "docs" / "attacks.md").read_text()
SNIPPETS = [dedent(block) for block in re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL)]
BLOCKS = [re.search(rf"{name}: {{.*?}}", RECIPE)[0] for name in ("mine", "decision")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project in which the recipe has been followed twice."""
    folder = tmp_path_factory.mktemp("recipe")
    for name in ("src", "stages", "models/cnn"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    (folder / "data").mkdir()
    (folder / "data" / "mnist").symlink_to(ROOT / "data" / "mnist")
    run(folder, "-m", "analysis_by_synthesis", "code")
    before = read_json(folder / "code.json")
    for name, (settings, attack) in zip(("mine", "decision"), list(pairwise(SNIPPETS))[::2]):
        (folder / PACKAGE / "params/attacks" / f"{name}.py").write_text(settings)
        (folder / PACKAGE / "attacks" / f"{name}.py").write_text(attack)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for block in BLOCKS:
        params["attacks"] |= yaml.safe_load(block)
    params["cells"]["attack"]["attacks"] += ["mine", "decision"]
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    run(folder, "-m", "analysis_by_synthesis", "code")
    run(folder, "stages/experiment.py")
    return folder, before


def run(folder, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, env=environment(folder), check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_attack_has_keys_of_its_own_and_changes_no_other(project):
    folder, before = project
    after = read_json(folder / "code.json")
    assert after.pop("attacks") == before.pop("attacks") | {
        name: after_of(folder, name) for name in ("mine", "decision")
    }
    assert after == before
    Repo.init(str(folder), no_scm=True)
    with Repo(str(folder)) as repo:
        stages = {
            stage.name: {key for dep in stage.deps for key in getattr(dep, "params", ())} for stage in repo.index.stages
        }
    assert {"attacks.mine", "stages.attack", "models.cnn"} <= stages["attack@cnn-mine"]
    assert "attacks.decision" in stages["attack@abs-decision"]


def after_of(folder, name):
    return read_json(folder / "code.json")["attacks"][name]


@pytest.mark.skipif(not (ROOT / "data" / "mnist").exists(), reason="MNIST is not here")
@pytest.mark.parametrize("name", ["mine", "decision"])
def test_a_cell_runs(project, name):
    folder, _ = project
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(re.sub(r"(chunk_size|samples): \d+", r"\1: 5", params))
    run(folder, "stages/experiment.py")
    said = run(folder, "stages/attack.py", "cnn", name)
    assert f"cnn-{name}: median linf" in said
    records = pd.read_csv(folder / "results" / "attacks" / f"cnn-{name}.csv")
    assert len(records) == 5 and records["success"].sum() >= 3
    (folder / "params.yaml").write_text(params)


FLAGS = """
from pathlib import Path
import pandas as pd
from analysis_by_synthesis.params.report import FlagSettings
from analysis_by_synthesis.evaluation.flags import flags
from analysis_by_synthesis.evaluation.results import Cell, Row

def cell(name, distance):
    columns = {"linf": [distance] * 5, "clean_correct": True, "success": True, "rejected": False, "zero_gradients": 0}
    return Cell(name, name, Path(name), pd.DataFrame(columns))

found = {Row("linf", name, "cnn"): cell(name, distance) for name, distance in (("mine", 0.3), ("decision", 0.2))}
print(flags(found, FlagSettings(factor=1.05, share=0.05))[["flag", "attack"]].values.tolist())
"""


def test_flags_know_what_the_new_attacks_see(project):
    folder, _ = project
    assert run(folder, "-c", FLAGS).strip() == "[['black box beats white box', 'decision']]"
