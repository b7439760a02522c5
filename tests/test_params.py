import pytest
import yaml
from pipeline import ROOT

from analysis_by_synthesis.params import read
from analysis_by_synthesis.schema import check
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.training.vae import VAETraining

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


def test_refuses_broken_yaml(tmp_path):
    (tmp_path / "params.yaml").write_text("vae: {")
    with pytest.raises(UserError, match="is not valid YAML"):
        read({"vae": VAETraining}, tmp_path / "params.yaml")


def change_params(tmp_path, monkeypatch, old, new):
    text = (ROOT / "params.yaml").read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1))
    monkeypatch.chdir(tmp_path)


def test_the_committed_parameters_are_valid(monkeypatch):
    monkeypatch.chdir(ROOT)
    check()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("\nreport:", "\nrepotr: 3\nreport:", "unknown key repotr"),
        ("ddn: {label: DDN, norm: l2", "ddn: {label: DDN, norm: l3", r"attacks\.ddn\.norm"),
        ("cnn-fgm: {model: cnn", "cnn-fgm: {model: cn", r"cells\.classifiers\.cnn-fgm has to be named"),
        ("module: fast_gradient", "module: fast", "there is no attack module fast"),
        ("cnn-ddn: {model: cnn, attack: ddn, module: ddn", "cnn-ddn: {model: cnn, attack: ddn, module: deepfool", "other cells of ddn"),
    ],
)
def test_the_whole_file_is_checked(tmp_path, monkeypatch, old, new, sentence):
    change_params(tmp_path, monkeypatch, old, new)
    with pytest.raises(UserError, match=sentence):
        check()
