"""Other weights: the authors' converted, and whatever doesn't fit refused in one sentence."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from analysis_by_synthesis.evaluate import evaluate

from analysis_by_synthesis.networks.convert import convert, main
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.pipeline.errors import UserError

pytestmark = pytest.mark.xdist_group("after the smoke run")


def theirs():
    """A state dict with the authors' names, and without the counters that PyTorch has had since 0.4.1."""
    state = VAE().state_dict()
    return {key[0].upper() + key[1:]: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def test_the_authors_vaes_become_ours(tmp_path, monkeypatch):
    states = [theirs() for _ in range(10)]
    for digit, state in enumerate(states):
        torch.save(state, tmp_path / f"{digit}.pth")
    sources = [str(tmp_path / f"{digit}.pth") for digit in range(10)]
    monkeypatch.setattr(sys, "argv", ["convert", *sources, str(tmp_path / "weights")])
    main()
    for decoder, state in zip(load_decoders(tmp_path / "weights" / "abs"), states):
        assert torch.equal(decoder.conv_3.weight, state["Decoder.conv_3.weight"])
        assert torch.equal(decoder.bn_0.running_var, state["Decoder.bn_0.running_var"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("Encoder.conv_0.weight"), "lacks encoder.conv_0.weight"),
        (lambda s: s.update({"Decoder.conv_9.bias": torch.zeros(1)}), "unknown key decoder.conv_9.bias"),
        (lambda s: s.update({"Decoder.conv_3.weight": torch.zeros(16, 1, 3, 3)}), r"has the shape \(16, 1, 3, 3\)"),
        (lambda s: s["Decoder.conv_3.bias"].fill_(torch.nan), "not finite"),
        (lambda s: s.update({"epoch": 3}), "something else than a state dict"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    state = theirs()
    change(state)
    torch.save(state, tmp_path / "0.pth")
    with pytest.raises(UserError, match=message) as problem:
        convert(tmp_path / "0.pth")
    assert "0.pth" in str(problem.value)


def test_what_is_no_state_dict_is_named(tmp_path):
    (tmp_path / "0.pth").write_text("hello")
    with pytest.raises(UserError, match="is not a PyTorch state dict"):
        convert(tmp_path / "0.pth")
    with pytest.raises(UserError, match="is not here"):
        convert(tmp_path / "1.pth")


def test_other_weights_go_through_the_same_evaluation(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    before = {path: path.read_bytes() for path in project.rglob("*.json")}
    found = evaluate(project / "models", tmp_path, ["cnn-gaussian_noise", "cnn-transfer_linf"], samples=4).to_dict(
        "records"
    )
    assert (found[0]["cell"], found[0]["n"], found[0]["norm"]) == ("cnn-gaussian_noise", 4, "l2")
    assert found[0]["median"] > 0
    committed = pd.read_csv(project / "results/attacks/cnn-gaussian_noise.csv").iloc[:4]
    assert pd.read_csv(tmp_path / "results/attacks/cnn-gaussian_noise.csv").equals(committed)
    assert {path: path.read_bytes() for path in project.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("weights", "output", "cell", "sentence"),
    [
        ("models", "out", "cnn-magic", "no cell cnn-magic"),
        ("models", "out", "cn-fgm", "no cell cn-fgm"),
        ("README.md", "out", "cnn-fgm", "is not a directory of weights"),
        ("models", ".", "cnn-fgm", "is this project; name another folder"),
        ("results", "out", "cnn-fgm", "results has no folder cnn"),
    ],
)
def test_a_mistaken_evaluation_is_named_and_touches_nothing(
    project, tmp_path, monkeypatch, weights, output, cell, sentence
):
    monkeypatch.chdir(project)
    params = (project / "params.yaml").read_bytes()
    with pytest.raises(UserError, match=sentence):
        evaluate(Path(weights), Path(output) if output == "." else tmp_path / output, [cell], samples=4)
    assert (project / "params.yaml").read_bytes() == params and not (project / "params.yaml").is_symlink()
