"""What the README says of a branch: one changed line, what runs again, and what the three diffs tell."""

import json
import shutil
import subprocess

import pytest
import smoke
import yaml

pytestmark = pytest.mark.xdist_group("the smoke run")
SHOWN = {
    "runs",
    "report",
    "control",
    "agreement",
    "claims",
    "figures",
    "protocol@abs",
    "protocol@binary_abs",
    "l1",
    "searches",
    "reconstructions@abs",
    "reconstructions@binary_abs",
    "page",
}


@pytest.fixture
def branch(project, tmp_path):
    """A clone of the smoke run, all of it committed, on a branch with fewer bisections of a budget."""
    clone = tmp_path / "clone"
    shutil.copytree(project, clone, ignore=shutil.ignore_patterns(".dvc", ".git", ".work"))
    run(clone, "git", "init", "--quiet", "--initial-branch", "main")
    run(clone, "git", "config", "user.name", "test")
    run(clone, "git", "config", "user.email", "test@localhost")
    run(clone, "dvc", "init", "--quiet")
    run(clone, "dvc", "config", "cache.dir", str(smoke.ROOT / ".dvc" / "cache"))
    run(clone, "git", "add", "--all")
    run(clone, "git", "commit", "--quiet", "--message", "smoke run")
    run(clone, "git", "checkout", "--quiet", "-b", "fewer-bisections")
    params = smoke.merge(yaml.safe_load((clone / "params.yaml").read_text()), {"attacks": {"bim": {"bisections": 1}}})
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return clone


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, env=smoke.environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_branch_is_compared(branch):
    cells = {"transfer@cnn-bim", "attack_networks@madry-bim", "seeds@cnn-1"}
    assert ran(run(branch, "dvc", "repro")) == {"code"} | cells | SHOWN
    assert shown(branch, "dvc params diff main") == [["params.yaml", "attacks.bim.bisections", "3", "1"]]
    changed = shown(branch, "dvc metrics diff main")
    may = {
        f"metrics/{kind}/linf/{name}.json"
        for kind in ("median", "accuracy")
        for name in ("bim", "all", "all_estimated", "all_ours")
    }
    assert (
        changed
        and {path for path, *_ in changed} <= may
        and "cnn" in {model for _, model, *_ in changed} <= {"cnn", "madry"}
    )
    assert "metrics/accuracy/linf/bim.json" in {path for path, *_ in shown(branch, "dvc metrics show")}
    run(branch, "dvc", "plots", "diff", "main")
    page = (branch / "dvc_plots/index.html").read_text()
    assert all(f"Figure 2{panel}: accuracy under the paper's attacks" in page for panel in "ab")
    assert page.count("<img") == 2  # Figure 2, before and after


def test_code_is_content(branch):
    """A docstring of the most shared module reruns the fingerprints alone; a constant what it can change, and no more."""
    run(branch, "git", "checkout", "--quiet", "params.yaml")
    package = branch / "src/analysis_by_synthesis"
    params = package / "params/base.py"
    params.write_text(params.read_text().replace('"""What every', '"""What each and every', 1) + "\n# The end.\n")
    assert stages_to_run(branch) == {"code"}
    run(branch, "dvc", "repro", "code")
    assert run(branch, "git", "status", "--porcelain", "code.json") == "" and stages_to_run(branch) == set()
    attack = package / "attacks/salt_and_pepper.py"
    attack.write_text(attack.read_text().replace("self.settings.levels", "2 * self.settings.levels"))
    models = ("abs", "binary_abs", "binary_cnn", "cnn", "madry", "nearest_neighbor")
    cells = {f"attack@{model}-salt_and_pepper" for model in models} | {"seeds@cnn-1"}
    assert stages_to_run(branch) == {"code"}  # until it has run, nobody knows
    run(branch, "dvc", "repro", "code")
    assert cells <= stages_to_run(branch) <= cells | SHOWN
    diff = json.loads(run(branch, "dvc", "params", "diff", "main", "--json"))
    assert set(diff["code.json"]) == {"attacks.salt_and_pepper"}


def shown(folder, command):
    """The rows of a table that DVC shows, which fits into 120 columns."""
    lines = run(folder, *command.split()).splitlines()
    assert max(map(len, lines)) <= 120, command
    return [line.split() for line in lines[1:] if line]


def stages_to_run(branch):
    return ran(run(branch, "dvc", "repro", "--dry"))


def ran(said):
    return {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")}
