import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml
from project import PARAMS, PROJECT, ROOT
from pydantic import ValidationError

from analysis_by_synthesis.params import table
from analysis_by_synthesis.params.attacks import fast_gradient
from analysis_by_synthesis.params.check import check
from analysis_by_synthesis.params.reader import faulty, read
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.pipeline.errors import UserError

VAE = yaml.safe_load((ROOT / "params.yaml").read_text())["vae"]


def read_vae(tmp_path, block):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"vae": block}))
    return read({"vae": VAETraining}, path)[0]


def test_reads_typed_values(tmp_path):
    assert read_vae(tmp_path, VAE).epochs == VAE["epochs"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epoch": 3}, r"vae\.epoch: extra inputs are not permitted \(it is 3\)"),
        ({"epochs": "many"}, r"vae\.epochs: input should be a valid integer \(it is 'many'\)"),
        ({"epochs": 2.5}, r"vae\.epochs: input should be a valid integer"),
        ({"batch_size": 0}, r"vae\.batch_size: input should be greater than 0 \(it is 0\)"),
        ({"warm_up_share": 1.0}, r"vae\.warm_up_share: input should be less than 1"),
    ],
)
def test_names_the_key_of_a_bad_value(tmp_path, change, sentence):
    with pytest.raises(UserError, match=sentence):
        read_vae(tmp_path, VAE | change)


def test_names_a_missing_key(tmp_path):
    with pytest.raises(UserError, match=r"vae\.epochs: field required"):
        read_vae(tmp_path, {key: value for key, value in VAE.items() if key != "epochs"})
    with pytest.raises(UserError, match="has no key vae"):
        (tmp_path / "params.yaml").write_text("seed: 0")
        read({"vae": VAETraining}, tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"vae: {", "is not valid YAML"),
        (b"seed: 1\nvae:\n  epochs: 1\n  epochs: 2\n", "the key epochs stands here twice"),
        ("seed: 1  # \u00e9".encode("latin-1"), r"is not UTF-8 \(byte 11\); save it as UTF-8"),
        (b"seed: '5'", r"seed: input should be a valid integer \(it is '5'\)"),
        (b"seed: 1.0", "seed: input should be a valid integer"),
    ],
)
def test_refuses_a_broken_file(tmp_path, content, sentence):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read({"seed": int}, tmp_path / "params.yaml")
    (tmp_path / "params.yaml").unlink()
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(UserError, match="can't be read"):
        read({"seed": int}, tmp_path / "params.yaml")


def test_a_merged_block_may_replace_what_it_merges(tmp_path):
    (tmp_path / "params.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, x: 2}")
    assert read({"b": dict[str, int]}, tmp_path / "params.yaml") == [{"x": 2}]


@pytest.fixture(scope="module")
def committed():
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def change(tree, key, value):
    """A copy in which a dotted key has another value, or is gone (None)."""
    tree = copy.deepcopy(tree)
    *parents, last = key.split(".")
    block = tree
    for parent in parents:
        block = block[parent]
    if value is None:
        del block[last]
    else:
        block[last] = value
    return tree


def test_the_committed_parameters_are_valid():
    check(PROJECT.params)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("repotr", 3, "unknown key repotr"),
        ("attacks.ddn.norm", "l3", r"attacks\.ddn\.norm: .*'l3'"),
        ("attacks.ddn.norm", None, r"attacks\.ddn\.norm: field required"),
        ("attacks.ddn.label", None, r"attacks\.ddn\.label: field required"),
        ("attacks.ddn.module", None, r"attacks\.ddn\.module: field required"),
        ("attacks.ddn.samples", "lots", r"attacks\.ddn\.samples: .*valid integer \(it is 'lots'\)"),
        ("attacks.ddn.samples", 9500, r"attacks\.ddn\.samples: 9000 images are left"),
        ("attacks.ddn.steps", None, r"attacks\.ddn\.steps: field required"),
        ("attacks.ddn.module", "magic", "there is no attack module magic"),
        ("attacks.ddn.module", "base", r"attacks\.ddn\.module: there is no attack module base; correct it"),
        ("attacks.ddn.module", "ddn.x", r"there is no attack module ddn\.x"),
        ("attacks.ddn.label", "FGM", r"attacks\.ddn and fgm have the same norm and label"),
        ("attacks.ddn.label", "Bound-Guided", "have the same norm and label"),
        ("attacks.hop_skip_jump_l2.norm", "l0", r"attacks\.hop_skip_jump_l2\.norm: input should be 'l2' or 'linf'"),
        ("attacks.bim.growth_factor", 0.5, r"attacks\.bim\.growth_factor: input should be greater than 1"),
        (
            "attacks.transfer_l2.growth_factor",
            0.5,
            r"attacks\.transfer_l2\.growth_factor: input should be greater than 1",
        ),
        ("attacks.salt_and_pepper.density_factor", 0.9, "density_factor: input should be greater than 1"),
        (
            "attacks.transfer_l2.sources.bim.growth_factor",
            0.5,
            r"sources\.bim\.growth_factor: input should be greater than 1",
        ),
        ("bounds.images.binary_abs", None, "bounds.images has no binary_abs"),
        ("bounds.images.abs", 20000, r"bounds\.images\.abs: there are 10000 images, not 20000"),
        ("report.thresholds.l0", None, "there has to be a threshold for l0"),
        ("report.all.ours", ["magic"], r"report\.all\.ours: there is no block attacks\.magic"),
        ("classifiers.substitute", None, "models.substitute is trained, but classifiers has no block substitute"),
        ("models.substitute", None, r"classifiers\.substitute trains no model"),
        ("models.abs", None, "models has no block abs"),
        ("models.abs.module", "magic", "there is no model module magic"),
        ("models.abs.inference.seed", "x", r"models\.abs\.inference\.seed: .*valid integer"),
        ("models.abs.inference.candidates", 20, "as many candidates as finalists"),
        ("cells.attack.models", ["cnn", "cn"], r"cells\.attack\.models: there is no block models\.cn"),
        ("cells.attack.attacks", ["magic"], r"cells\.attack\.attacks: there is no block attacks\.magic"),
        ("cells.attack.attacks", ["transfer_l2"], r"transfer_l2 needs another model; put it under cells\.transfer"),
        ("cells.attack_latents.models", ["cnn"], r"cells\.attack_latents\.models: cnn has no latents"),
        ("cells.bounds.models", ["madry"], r"cells\.bounds\.models: madry has no latents"),
        ("cells.transfer.attacks", ["transfer_l2", "fgm"], "fgm on cnn stands in two lists"),
        ("calibration.images", 10001, r"calibration\.images: there are 10000 images"),
        ("evaluation.start_images", 60001, r"evaluation\.start_images: there are 60000 images"),
        ("digits", [0, 1], "leave it as it is"),
        ("seed", -1, r"seed is -1; give a seed from 0"),
        ("claims.seed", 2**32, r"claims\.seed is 4294967296; give a seed"),
        ("seeds.seeds", [100, -1], r"seeds\.seeds\.1 is -1; give a seed"),
        ("models.abs.inference.seed", -1, r"models\.abs\.inference\.seed is -1"),
        ("evaluation.margin", float("inf"), r"evaluation\.margin is inf; give a finite number"),
        ("attacks.fgm_ge.difference_steps", [0.1, float("inf")], r"difference_steps\.1 is inf"),
        ("evaluation.overshoots", [], "lengthened by factors of at least 1"),
        ("evaluation.overshoots", [1.0, 0.9], "lengthened by factors of at least 1"),
        ("models.abs.inference.principal_components", 800, "an image has 784 pixels; lower it"),
        ("models.nearest_neighbor.references", {}, "name the files train-images-idx3-ubyte and train-labels"),
        ("cells.bounds.models", ["binary_abs"], r"cells\.bounds\.models has no abs"),
        ("attacks.clean", PARAMS["attacks"]["ddn"] | {"label": "Mine"}, r"attacks\.clean can't be named so"),
        ("attacks.my-ddn", PARAMS["attacks"]["ddn"] | {"label": "Mine"}, r"attacks\.my-ddn can't be named so"),
        ("attacks.ddn.label", "All L2 Attacks", r"attacks\.ddn\.label: rows over several attacks begin with All"),
        (
            "cells.attack.attacks",
            ["latent_descent"],
            r"latent_descent sees latents; put it under cells\.attack_latents",
        ),
    ],
)
def test_the_whole_file_is_checked_before_anything_runs(committed, tmp_path, key, value, sentence):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(change(committed, key, value), sort_keys=False))
    with pytest.raises(UserError, match=sentence):
        check(path)


def test_dvc_repro_checks_too(tmp_path):
    """Without make: the stage of the fingerprints does, and says it in one sentence."""
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.egg-info"))
    (tmp_path / "params.yaml").write_text(
        re.sub(r"chunk_size: \d+", "chunk_size: lots", (ROOT / "params.yaml").read_text())
    )
    command = [sys.executable, "-m", "analysis_by_synthesis", "code"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1 and not (tmp_path / "code.json").exists()
    assert done.stderr == (
        "ERROR: params.yaml: evaluation.chunk_size: input should be a valid integer (it is 'lots'); correct it.\n"
    )


def test_an_attack_has_to_say_what_it_sees(monkeypatch):
    monkeypatch.delattr(fast_gradient.Settings, "sees")
    with pytest.raises(UserError, match=r"params/attacks/fast_gradient\.py don't say what the attack sees; add sees"):
        check(PROJECT.params)


def test_dvc_changes_one_line_where_one_value_is_set(tmp_path):
    """As `dvc exp run -S attacks.gaussian_noise.levels=50` does, which writes the whole file and every list anew."""
    path = shutil.copy(PROJECT.params, tmp_path)
    apply_overrides(path, ["attacks.gaussian_noise.levels=50"])
    before, after = PROJECT.params.read_text().splitlines(), Path(path).read_text().splitlines()
    changed = [line for line in zip(before, after, strict=True) if line[0] != line[1]]
    assert [new.split()[:2] for _, new in changed] == [["levels:", "50"]]
    assert load_yaml(path)["attacks"]["gaussian_noise"]["levels"] == 50  # DVC's reader is not its writer


RENAMED = {
    "attacks.ddn": {"init_epsilon": "first_norm", "gamma": "change"},
    "attacks.carlini_wagner": {"stepsize": "learning_rate"},
    "attacks.brendel_bethge_l2": {"lr": "learning_rate", "binary_search_steps": "bisections"},
    "attacks.bim": {"steps": "iterations", "growth_steps": "growths"},
    "attacks.fgm": {"epsilons": "steps"},
    "attacks.transfer_l2.sources.bim": {"rel_stepsize": "relative_step"},
    "models.abs.inference": {"nearby_evaluations": "nearby"},
    "models.abs.inference.bfgs": {"max_step": "longest_step"},
    "bounds.search.quick": {"runs": "kept", "weight_steps": "weighings"},
    "evaluation": {"candidates": "kept"},
}


@pytest.mark.parametrize(
    ("block", "new", "old"), [(block, new, old) for block, names in RENAMED.items() for new, old in names.items()]
)
def test_an_old_name_is_refused_with_its_new_one(committed, tmp_path, block, new, old):
    value = committed
    for part in block.split("."):
        value = value[part]
    renamed = {old if name == new else name: number for name, number in value.items()}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(change(committed, block, renamed), sort_keys=False))
    with pytest.raises(UserError, match=rf"params\.yaml: {block}: {old} is called {new} now; rename it\."):
        check(path)


def test_an_unknown_name_is_no_old_one():
    """`steps` was fast_gradient's, but where nothing is missing it is only too much."""
    with pytest.raises(ValidationError) as caught:
        fast_gradient.Settings(norm="l2", epsilons=10, finer_epsilons=2, steps=3)
    assert "steps: extra inputs are not permitted (it is 3); correct it." in str(
        faulty("attacks.fgm", caught.value, PROJECT.params)
    )


def test_the_table_of_settings_is_that_of_the_code():
    assert (ROOT / "docs" / "parameters.md").read_text() == table.tables(), (
        "run: python -m analysis_by_synthesis parameters > docs/parameters.md"
    )


def test_every_setting_is_described():
    rows = [line.split(" | ") for line in table.tables().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert all(len(row) == 5 and row[1].endswith(".") for row in rows), [
        row for row in rows if not row[1].endswith(".")
    ]
