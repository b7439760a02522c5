"""Every attack of the paper against the real Foolbox 1.3.2, with which the paper was made, on the authors' CNN.

data/foolbox_1_3_2.csv has the distances of the first 50 test images that Foolbox 1.3.2 itself has found there (Python 3.11,
numpy 1.23.5; the defaults of its attacks; numpy's and random's seed was the image's index; L2 as norms; pointwise_l0 is the
best of ten calls). The authors' weights are not in this repository.
"""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from project import PARAMS, PROJECT, ROOT

from analysis_by_synthesis.attacks.recorder import Recorder, Resources
from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.sources import LOCAL
from analysis_by_synthesis.evaluation.statistics import median
from analysis_by_synthesis.models.trained import Trained
from analysis_by_synthesis.networks import cnn
from analysis_by_synthesis.networks.convert import convert
from analysis_by_synthesis.params.attack_block import AttackBlock

FOOLBOX = pd.read_csv(ROOT / "tests/data/foolbox_1_3_2.csv", index_col="image")
FILE = "vanilla_cnn.net"


@pytest.fixture(scope="module")
def model(single_thread):
    found = next(iter(Path(os.environ[LOCAL]).rglob(FILE)), None) if os.environ.get(LOCAL) else None
    if found is None:
        pytest.skip(f"the authors' {FILE} is not on this machine; let {LOCAL} name a folder that has it.")
    return Trained(convert(found, cnn.build()), False).eval()


def ratios(model, name, n):
    """Our distances of the first n images, relative to Foolbox's, where it has found an adversarial of a clean image."""
    attack = load_attack(f"attacks.{name}", AttackBlock(**PARAMS["attacks"][name]), PROJECT.params)
    images, labels = (part[:n] for part in load("test", PROJECT.mnist))
    pool = Resources(*(part[:1000] for part in load("train", PROJECT.mnist)), {})
    recorder = Recorder(model, images, labels, attack.settings.norm, resources=pool, sees=attack.settings.sees)
    torch.manual_seed(0)
    attack.run(recorder)
    theirs = FOOLBOX[name].iloc[:n]
    return (pd.Series(recorder.best_distance.numpy()) / theirs)[theirs.between(0, float("inf"), inclusive="neither")]


@pytest.mark.parametrize("name", ["fgm", "fgsm", "deepfool_l2", "deepfool_linf", "l2_bim", "bim", "mim"])
def test_attacks_without_chance_are_foolboxs(model, name):
    """Where ours is closer, Foolbox was lost to rounding: it went on towards another class from a tie at the boundary."""
    found = ratios(model, name, 12)
    assert found.median() == pytest.approx(1, abs=0.002)
    assert (found < 1.05).all()


RARE = pytest.mark.extras  # they take minutes


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("gaussian_noise", 30),
        ("salt_and_pepper", 20),
        pytest.param("pointwise_l2", 50, marks=RARE),
        pytest.param("pointwise_l0", 20, marks=RARE),
        pytest.param("boundary", 12, marks=RARE),
    ],
)
def test_attacks_with_chance_go_no_farther_than_foolboxs(model, name, n):
    assert median(ratios(model, name, n).to_numpy()).low <= 1
