"""Other weights: the authors' converted, and whatever doesn't fit refused in one sentence."""

import shutil

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from analysis_by_synthesis.cli.evaluate import evaluate
from analysis_by_synthesis.networks import cnn, substitute
from analysis_by_synthesis.networks.convert import CLASSIFIERS, convert, convert_all
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import load_weights, save_weights
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project

pytestmark = pytest.mark.xdist_group("after the smoke run")


def theirs():
    """The state dict of a VAE with the authors' names, and without the counters that PyTorch has had since 0.4.1."""
    state = VAE().state_dict()
    return {key[0].upper() + key[1:]: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def classifier(network):
    """The same of a classifier."""
    state = {}
    for key, value in network.state_dict().items():
        place, tensor = key.split(".")
        if tensor != "num_batches_tracked":
            state[f"{('conv', 'bn')[int(place) % 3]}_{int(place) // 3}.{tensor}"] = value
    return state


def authors_files(folder):
    """Write the thirteen files; the state dicts of the VAEs, and the classifiers."""
    states = {f"ABS_{digit}.net": theirs() for digit in range(10)}
    networks = {"vanilla_cnn.net": cnn.build(), "binary_cnn.net": cnn.build(), "transfer_cnn.net": substitute.build()}
    for name, state in (states | {name: classifier(network) for name, network in networks.items()}).items():
        torch.save(state, folder / name)
    return states, networks


def test_the_authors_networks_become_ours(tmp_path):
    states, networks = authors_files(tmp_path)
    convert_all(tmp_path, tmp_path / "weights")
    for decoder, state in zip(load_decoders(tmp_path / "weights" / "abs"), states.values()):
        assert torch.equal(decoder.conv_3.weight, state["Decoder.conv_3.weight"])
        assert torch.equal(decoder.bn_0.running_var, state["Decoder.bn_0.running_var"])
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for (folder, build), network in zip(CLASSIFIERS.values(), networks.values()):
        loaded = load_weights(build(), tmp_path / "weights" / folder / "weights.safetensors")
        assert torch.equal(loaded(x), network.eval()(x))


def test_weights_that_are_there_are_not_replaced_by_others(tmp_path):
    authors_files(tmp_path)
    for _ in range(2):  # the same ones may stay
        convert_all(tmp_path, tmp_path / "weights")
    other = tmp_path / "weights/abs/7.safetensors"
    save_weights(VAE(), other)
    before = other.read_bytes()
    with pytest.raises(UserError, match=r"7\.safetensors holds other weights; name another folder"):
        convert_all(tmp_path, tmp_path / "weights")
    assert other.read_bytes() == before


def test_nothing_is_converted_where_a_file_is_missing(tmp_path):
    torch.save(theirs(), tmp_path / "ABS_0.net")
    with pytest.raises(UserError, match=r"ABS_1\.net is not here; name the folder"):
        convert_all(tmp_path, tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_names_of_data_parallel_are_understood(tmp_path):
    weights = {f"module.{key}": value for key, value in VAE().state_dict().items()}
    save_file(weights, tmp_path / "0.safetensors")
    loaded = load_weights(VAE(), tmp_path / "0.safetensors")
    assert torch.equal(loaded.decoder.conv_0.weight, weights["module.decoder.conv_0.weight"])
    torch.save({f"module.{key}": value for key, value in theirs().items()}, tmp_path / "0.pth")
    convert(tmp_path / "0.pth", VAE())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("Encoder.conv_0.weight"), "lacks encoder.conv_0.weight"),
        (lambda s: s.update({"Decoder.conv_9.bias": torch.zeros(1)}), "unknown key decoder.conv_9.bias"),
        (lambda s: s.update({"Decoder.conv_3.weight": torch.zeros(16, 1, 3, 3)}), r"has the shape \(16, 1, 3, 3\)"),
        (lambda s: s["Decoder.conv_3.bias"].fill_(torch.nan), "not finite"),
        (lambda s: s.update({"epoch": 3}), "something else than a state dict"),
        (lambda s: s.update({3: torch.zeros(1)}), "something else than a state dict"),
        (lambda s: s.update({"Decoder.conv_3.bias": torch.zeros(1).to_sparse()}), "something else than a state dict"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    state = theirs()
    change(state)
    torch.save(state, tmp_path / "0.pth")
    with pytest.raises(UserError, match=message) as problem:
        convert(tmp_path / "0.pth", VAE())
    assert "0.pth" in str(problem.value)


def test_what_is_no_state_dict_is_named(tmp_path):
    (tmp_path / "0.pth").write_text("hello")
    with pytest.raises(UserError, match="is not a PyTorch state dict"):
        convert(tmp_path / "0.pth", VAE())
    with pytest.raises(UserError, match="is not here"):
        convert(tmp_path / "1.pth", VAE())


@pytest.fixture
def here(project):
    return Project(project)


def test_other_weights_go_through_the_same_evaluation(here, tmp_path):
    before = {path: path.read_bytes() for path in here.root.rglob("*.json")}
    cells = ["cnn-gaussian_noise", "cnn-transfer_linf", "nearest_neighbor-clean"]
    (tmp_path / "weights/nearest_neighbor").mkdir(parents=True)
    shutil.copytree(here.models / "cnn", tmp_path / "weights/cnn")
    found = evaluate(here, tmp_path / "weights", tmp_path, cells, samples=4).to_dict("records")
    assert [list(row.values())[:3] for row in found] == [
        ["cnn-gaussian_noise", 4, "median l2"], ["cnn-transfer_linf", 4, "median linf"], ["nearest_neighbor-clean", 4, "accuracy"],
    ]  # fmt: skip
    assert all(row["value"] > 0 and row["value"] == pytest.approx(row["committed"], rel=1e-4) for row in found)
    committed = pd.read_csv(here.attacks / "cnn-gaussian_noise.csv").iloc[:4]
    assert pd.read_csv(tmp_path / "results/attacks/cnn-gaussian_noise.csv").equals(committed)
    assert {path: path.read_bytes() for path in here.root.rglob("*.json")} == before


def test_an_evaluation_never_shrinks_and_asks_for_images_that_there_are(here, tmp_path):
    for cell, n in (("cnn-gaussian_noise", 4), ("nearest_neighbor-clean", 6)):
        evaluate(here, here.models, tmp_path / "out", [cell], samples=n)
        with pytest.raises(UserError, match=f"has {n} images; ask for as many samples, or name another folder"):
            evaluate(here, here.models, tmp_path / "out", [cell], samples=n - 1)
    assert len(pd.read_csv(tmp_path / "out/results/clean/nearest_neighbor.csv")) == 6
    for cell, most in (("cnn-fgm", 9900), ("cnn-clean", 10000)):  # 100 images are the calibration's
        with pytest.raises(UserError, match=f"{cell}: there are {most} images, not {most + 1}"):
            evaluate(here, here.models, tmp_path / "other", [cell], samples=most + 1)


def test_a_damaged_record_of_the_project_is_named_before_anything_runs(here, tmp_path):
    project = Project(shutil.copytree(here.root, tmp_path / "project", symlinks=True))
    (project.attacks / "cnn-fgm.csv").write_text("")
    with pytest.raises(UserError, match=r"cnn-fgm\.csv can't be read"):
        evaluate(project, here.models, tmp_path / "out", ["cnn-fgm"], samples=2)
    assert not (tmp_path / "out/results").exists()


def layout(folder, *names):
    """A folder of weights with files of these names, none of which holds weights."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("hello")
    return folder


@pytest.mark.parametrize(
    ("names", "cell", "sentence"),
    [
        (["README"], "cnn-magic", "no cell cnn-magic"),
        (["README"], "cn-fgm", "no cell cn-fgm"),
        (["README"], "cnn-fgm", "has no folder cnn; lay it out as models/ is"),
        (["cnn"], "cnn-fgm", "has no folder cnn; lay it out as models/ is"),
        (["cnn/README"], "cnn-fgm", r"weights\.safetensors is not here"),
        (["cnn/weights.safetensors"], "cnn-fgm", "is not a safetensors file"),
        (["cnn/weights.safetensors/README"], "cnn-fgm", r"weights\.safetensors is not here"),
        (["cnn/config.json", "cnn/weights.safetensors"], "cnn-fgm", r"config\.json is not JSON"),
        (["abs/README"], "abs-fgm", r"0\.safetensors is not here"),
        (["README"], "binary_abs-fgm", "has no folder abs"),
        (["binary_abs/class_scalars.json"], "binary_abs-fgm", r"class_scalars\.json is not JSON"),
        (["cnn/weights.safetensors", "substitute/README"], "cnn-transfer_linf", r"is not here|not a safetensors"),
    ],
)
def test_a_folder_that_holds_no_weights_is_named(here, tmp_path, names, cell, sentence):
    with pytest.raises(UserError, match=sentence) as problem:
        evaluate(here, layout(tmp_path / "weights", *names), tmp_path / "out", [cell], samples=4)
    assert "out/models" not in str(problem.value)  # but the file that the user gave


@pytest.mark.parametrize("config", ["[]", "{}", '{"module": 3}', '{"module": "cnn"}', '{"module": "trained"}'])
def test_a_wrong_config_is_named(here, tmp_path, config):
    weights = layout(tmp_path / "weights", "cnn/weights.safetensors", "cnn/config.json")
    (weights / "cnn/config.json").write_text(config)
    with pytest.raises(UserError, match=r"config\.json"):
        evaluate(here, weights, tmp_path / "out", ["cnn-fgm"], samples=4)


def test_wrong_class_scalars_are_named(here, tmp_path):
    weights = layout(tmp_path / "weights", "binary_abs/class_scalars.json")
    (weights / "binary_abs/class_scalars.json").write_text("{}")
    with pytest.raises(UserError, match=r"class_scalars\.json: gamma: field required; correct .*weights, and name"):
        evaluate(here, weights, tmp_path / "out", ["binary_abs-fgm"], samples=4)


def test_nothing_that_is_there_is_replaced(here, tmp_path):
    """Not the project, not another clone, not weights that lie in the output, nor what a link leads to."""
    mine = shutil.copytree(here.models / "cnn", tmp_path / "mine/models/cnn")
    other = layout(tmp_path / "other", "cnn/weights.safetensors")
    (tmp_path / "linked/models").mkdir(parents=True)
    (tmp_path / "linked/models/cnn").symlink_to(mine)
    before = {path: path.read_bytes() for root in (here.root, mine) for path in root.rglob("*") if path.is_file()}
    for weights, output, sentence in [
        (here.models, here.root, "is a project, whose results would be replaced"),
        (other, tmp_path / "mine", "is there, and is not"),
        (other, tmp_path / "linked", "is there, and is not"),
        (here.models, other / "cnn/weights.safetensors", "can't be copied"),
    ]:
        with pytest.raises(UserError, match=sentence):
            evaluate(here, weights, output, ["cnn-fgm"], samples=4)
    after = {path: path.read_bytes() for root in (here.root, mine) for path in root.rglob("*") if path.is_file()}
    assert after == before


def test_weights_may_lie_in_the_output_and_the_output_in_the_weights(here, tmp_path):
    shutil.copytree(here.models / "cnn", tmp_path / "mine/models/cnn")
    for weights, output in (("mine/models", "mine"), ("mine/models", "mine/models/cnn/out")):
        found = evaluate(here, tmp_path / weights, tmp_path / output, ["cnn-gaussian_noise"], samples=2)
        assert found["n"].tolist() == [2]
