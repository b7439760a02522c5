"""Every model is an ordinary module: whatever is done with modules gives what it should, or one sentence that says why not."""

import copy
import hashlib
import io
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.data.sources import _idx
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.binary_abs import BinaryABS
from analysis_by_synthesis.models.nearest_neighbor import NearestNeighbor
from analysis_by_synthesis.models.trained import Trained
from analysis_by_synthesis.networks.binarize import Binarize
from analysis_by_synthesis.networks.cnn import CNN
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import write_json

pytestmark = pytest.mark.usefixtures("single_thread", "work")


def cnn(binary=False):
    torch.manual_seed(0)
    return Trained(CNN().eval(), binary)


def nearest_neighbor():
    generator = torch.Generator().manual_seed(0)
    return NearestNeighbor(torch.rand(3000, 1, 28, 28, generator=generator), torch.arange(3000) % 3)


BUILD = {
    "cnn": cnn,
    "binary_cnn": lambda: cnn(binary=True),
    "nearest_neighbor": nearest_neighbor,
    "abs": lambda: ABS(toy_decoders(2), toy_settings()),
    "binary_abs": lambda: BinaryABS(toy_decoders(2), toy_settings(), [1.0, 0.9]),
}
SEARCHING = ("abs", "binary_abs")


@pytest.fixture(scope="module")
def images():
    return toy_images(toy_decoders(2), each=2)


@pytest.fixture(scope="module", params=BUILD)
def name(request):
    return request.param


@pytest.fixture
def model(name, work, single_thread):
    return BUILD[name]().eval()


def gradient(model, x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)[0]


def test_copies_and_pickles_are_the_same_model(model, images):
    expected = model(images)
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(saved, weights_only=False),
    ):
        torch.testing.assert_close(other(images), expected)


def test_the_state_dict_makes_the_same_model_with_names_of_data_parallel_too(model, name, images):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
    state = nn.DataParallel(model).state_dict()
    assert all(key.startswith("module.") for key in state)
    other = BUILD[name]().eval()
    other.load_state_dict(state)
    torch.testing.assert_close(other(images), model(images))


def test_double_precision_is_right(model, images):
    expected, its_gradient = model(images), gradient(model, images)
    model, doubles = model.double(), images.double()
    assert model(doubles).dtype == gradient(model, doubles).dtype == torch.float64
    torch.testing.assert_close(model(doubles), expected.double(), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(gradient(model, doubles), its_gradient.double(), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_right_or_refused(model, name, images, dtype):
    expected, low = model(images), images.to(dtype)
    model = model.to(dtype)
    if name == "nearest_neighbor":
        with pytest.raises(UserError, match=r"too coarse to tell neighbours apart; call .float\(\)"):
            model(low)
    else:
        assert model(low).dtype == gradient(model, low).dtype == dtype
        torch.testing.assert_close(model(low).float(), expected, atol=1.0, rtol=0.1)


def test_autocast_changes_nothing_where_logits_are_distances(model, name, images):
    expected = model(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(images)
    exact = name not in ("cnn", "binary_cnn")
    torch.testing.assert_close(found.float(), expected, **({} if exact else {"atol": 0.1, "rtol": 0.1}))


def test_inference_mode_leaves_a_model_that_works(model, images):
    with torch.inference_mode():
        found, judged = model(images.clone()), model.arbitrate(images.clone())
    assert found.shape == judged.shape == (4, model.classes)
    torch.testing.assert_close(model(images), found)
    assert gradient(model, images).abs().sum() > 0
    with torch.no_grad():
        assert not model(images).requires_grad


@pytest.mark.parametrize("n", [0, 1])
def test_small_batches(model, images, n):
    x = images[:n].clone().requires_grad_()
    logits = model(x)
    assert logits.shape == (n, model.classes)
    torch.testing.assert_close(logits, model(images)[:n], atol=1e-4, rtol=1e-4)
    logits.sum().backward()
    assert x.grad.shape == x.shape


def test_memory_layouts_don_t_matter(model, images):
    expected = model(images)
    strided = torch.stack([images, images], -1)[..., 0]
    assert not strided.is_contiguous()
    for x in (strided, images.to(memory_format=torch.channels_last), images.mT.contiguous().mT):
        torch.testing.assert_close(model(x), expected)


def test_threads_share_a_model(model, images):
    x = images.repeat(4, 1, 1, 1)
    with ThreadPoolExecutor(4) as pool:
        found = torch.cat(list(pool.map(lambda part: model(part).detach(), x.split(2))))
    torch.testing.assert_close(found, model(x), atol=1e-4, rtol=1e-4)


def test_a_forked_pool_works_after_a_first_call(model, images):
    expected = model(images).detach()
    global forked
    forked = model
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(ask_forked, [image[None].numpy() for image in images]).get(timeout=300)
    torch.testing.assert_close(torch.cat([torch.from_numpy(f) for f in found]), expected, atol=1e-4, rtol=1e-4)


def ask_forked(x):
    return forked(torch.from_numpy(x)).detach().numpy()


@pytest.mark.parametrize("through_data", [True, False])
def test_weights_changed_in_place_are_noticed(model, name, images, through_data):
    before = model(images)
    with torch.no_grad():
        for parameter in model.parameters():
            (parameter.data if through_data else parameter).mul_(0.9)
    fresh = BUILD[name]().eval()
    fresh.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(images), fresh(images))
    assert not torch.allclose(model(images), before, atol=1e-3)


def test_transforms_of_torch_func(model, images):
    def of_one(x):
        return model(x[None])[0]

    torch.testing.assert_close(torch.func.vmap(of_one)(images), model(images), atol=1e-4, rtol=1e-4)
    jacobian = torch.func.jacrev(of_one)(images[0])
    assert jacobian.shape == (model.classes, 1, 28, 28)
    torch.testing.assert_close(jacobian[1], gradient(model, images[:1])[0], atol=1e-4, rtol=1e-4)
    vectorised = torch.autograd.functional.jacobian(of_one, images[0], vectorize=True)
    torch.testing.assert_close(vectorised, jacobian, atol=1e-4, rtol=1e-4)
    each = torch.func.vmap(torch.func.grad(lambda x: of_one(x)[1]))(images)
    torch.testing.assert_close(each, gradient(model, images), atol=1e-4, rtol=1e-4)


def test_compiled_models_are_the_same(model, images):
    torch.compiler.reset()
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(compiled(images), model(images), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(compiled(1 - images), model(1 - images), atol=1e-4, rtol=1e-4)


def test_traces_are_right_or_refused(model, name, images):
    if name in SEARCHING:
        with pytest.raises(UserError, match="searches anew for each image, which a trace can't record"):
            torch.jit.trace(model, images)
    else:
        traced = torch.jit.trace(model, images)
        torch.testing.assert_close(traced(1 - images), model(1 - images))


def test_libraries_find_what_they_look_for(model, images):
    parameter = next(model.parameters())
    assert (parameter.dtype, parameter.device.type, parameter.requires_grad) == (
        torch.float32,
        "cpu",
        parameter.requires_grad,
    )
    assert not isinstance(model, nn.Sequential)  # libraries walk its layers, and don't call its forward
    assert model.image_shape == (1, 28, 28) and model(images).shape[1] == model.classes
    assert type(model).forward is not nn.Sequential.forward


def test_binarisation_is_a_layer_of_the_network(images):
    model = cnn(binary=True)
    assert isinstance(model.network[0], Binarize)
    torch.testing.assert_close(nn.Sequential(*model.network)(images), model(images))
    torch.testing.assert_close(model(images), cnn()((images >= 0.5).float()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, work):
    """Models as they lie on disk: `models` and `data/mnist` side by side."""
    root = tmp_path_factory.mktemp("project")
    for name in ("abs", "cnn", "nearest_neighbor"):
        (root / "models" / name).mkdir(parents=True)
    settings = toy_settings().model_dump(mode="json")
    for of_kind in ("default", "arbiter", "decision"):
        for round in settings[of_kind]:
            round["margin"] = round["margin"] if isinstance(round["margin"], float) else None
    write_json(root / "models/abs/config.json", {"module": "abs", "network": "vae", "inference": settings})
    write_json(root / "models/cnn/config.json", {"module": "trained", "network": "cnn"})
    torch.manual_seed(0)
    for digit in range(10):
        save_weights(VAE(), root / f"models/abs/{digit}.safetensors")
    save_weights(CNN(), root / "models/cnn/weights.safetensors")
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (50, 28, 28), dtype=torch.uint8, generator=generator).numpy()
    files = {
        "train-images-idx3-ubyte": _idx(pixels),
        "train-labels-idx1-ubyte": _idx((torch.arange(50) % 10).byte().numpy()),
    }
    (root / "data/mnist").mkdir(parents=True)
    for name, content in files.items():
        (root / "data/mnist" / name).write_bytes(content)
    references = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    config = {"module": "nearest_neighbor", "references": references}
    write_json(root / "models/nearest_neighbor/config.json", config)
    return root


@pytest.mark.parametrize("name", ["abs", "cnn", "nearest_neighbor"])
def test_models_load_from_anywhere_and_write_nothing_there(folder, tmp_path, monkeypatch, name):
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(tmp_path)
    model = load_model(name, folder / "models")
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    monkeypatch.chdir(folder / "models")
    load_model(name, ".")
    assert list(tmp_path.iterdir()) == [] and sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["abs", "cnn", "nearest_neighbor"])
def test_models_load_in_inference_mode_and_in_the_default_dtype(folder, name):
    x = torch.rand(2, 1, 28, 28)
    expected = load_model(name, folder / "models")(x)
    try:
        torch.set_default_dtype(torch.float64)
        with torch.inference_mode():
            model = load_model(name, folder / "models")
            found = model(torch.rand(2, 1, 28, 28))
        assert found.dtype == torch.float64
        torch.testing.assert_close(model(x.double()), expected.double(), atol=1e-3, rtol=1e-4)
        assert gradient(model, x.double()).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
