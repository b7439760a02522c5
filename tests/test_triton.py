"""Triton's kernels compute what PyTorch does: on a GPU where there is one, else in Triton's interpreter."""

import os
from copy import deepcopy

import pytest
import torch
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.inference import Following, ReferenceInference
from analysis_by_synthesis.inference.engine import Runs

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
pytest.importorskip("triton", reason="needs Triton")

from analysis_by_synthesis.inference import triton_inference, triton_kernels  # noqa: E402
from analysis_by_synthesis.inference.triton_inference import TritonInference  # noqa: E402
from analysis_by_synthesis.inference.triton_kernels import Layers, TritonDecoders  # noqa: E402

CLASSES = 2
NAN = torch.nan
pytestmark = [
    pytest.mark.extras,
    pytest.mark.usefixtures("single_thread", "work", "few_large_blocks"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # ELU's exponential, where it isn't taken
]


@pytest.fixture(scope="module")
def few_large_blocks():
    """The interpreter takes as long for a block of one row as for one of thousands."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            large = dict.fromkeys(TritonDecoders.blocks, 2048) | {"first": 16, "first_back": 16}
            patch.setattr(TritonDecoders, "blocks", large)
            patch.setattr(TritonDecoders, "programs", 4)
        yield


@pytest.fixture(scope="module")
def decoders():
    return [decoder.to(DEVICE) for decoder in toy_decoders(CLASSES)]


@pytest.fixture(scope="module")
def kernels(decoders):
    return TritonDecoders(decoders)


@pytest.fixture(scope="module")
def problems(decoders):
    """Images (2, 1, 28, 28), and for four problems: which image, class (one has none), and latents."""
    torch.manual_seed(0)
    classes, image = torch.tensor([1, -1, 0, 1]), torch.tensor([0, 0, 1, 1])
    return toy_images(toy_decoders(CLASSES), each=1).to(DEVICE), image.to(DEVICE), classes.to(DEVICE), randn(4, 8)


def randn(*shape):
    return torch.randn(*shape).to(DEVICE)


def of_class(classes, *tensors):
    """For each class, and the problems that it has, float64 copies of what there is for them."""
    for c in range(CLASSES):
        these = classes == c
        yield c, *(t[these].double() for t in tensors)


def test_value_and_gradient_are_those_of_autograd(decoders, kernels, problems):
    x, image, classes, z = problems
    layers = Layers(kernels, classes, z, (x, image))
    for prior in (1.0, 0.0):
        layers.evaluate(prior)
        found, slopes = layers.in_order(layers.partial).sum(1), layers.in_order(layers.gradient)
        for c, latents, images, value, slope in of_class(classes, z, x[image], found, slopes):
            latents.requires_grad_()
            expected = (deepcopy(decoders[c]).double()(latents) - images).square().sum((1, 2, 3))
            (gradient,) = torch.autograd.grad((expected + prior / 2 * latents.square().sum(1)).sum(), latents)
            torch.testing.assert_close(value, expected, atol=2e-4, rtol=0)
            assert (slope - gradient).norm() < 1e-5 * gradient.norm()


def test_images_and_jacobians_are_those_of_the_decoders(decoders, kernels, problems):
    _, _, classes, z = problems
    classes, z = classes[:3], z[:3]
    for c, latents, image, jacobian in of_class(classes, z, kernels.decode(classes, z), kernels.jacobian(classes, z)):
        decoder = deepcopy(decoders[c]).double()
        torch.testing.assert_close(image, decoder(latents), atol=1e-5, rtol=0)
        for direction, found in zip(torch.eye(8, dtype=torch.double, device=DEVICE), jacobian.unbind(1)):
            _, expected = torch.func.jvp(decoder, (latents,), (direction.expand_as(latents),))
            torch.testing.assert_close(found, expected.flatten(1), atol=1e-5, rtol=0)


def test_matrices_are_inverted():
    root = randn(20, 8, 30)
    matrices = torch.eye(8, device=DEVICE) + root @ root.mT
    inverse = matrices.clone()
    triton_kernels.invert[(2,)](inverse, len(inverse), 16)
    expected = torch.linalg.inv(matrices.double())
    assert ((inverse - expected).flatten(1).norm(dim=1) < 1e-5 * expected.flatten(1).norm(dim=1)).all()


def test_bfgs_takes_the_references_steps(decoders, kernels, problems):
    x, image, classes, z = problems
    prior = 0.5
    reference = ReferenceInference(decoders, toy_settings())
    some = classes >= 0
    start = Runs.at(z, torch.full_like(z[:, 0], torch.inf), torch.eye(8, device=DEVICE).expand(4, 8, 8) / 50)
    found = kernels.bfgs(x, image, start, classes, 3, prior, reference.settings.bfgs)
    expected = reference.bfgs(x, image[some], classes[some], start[some], 3, prior)
    for a, b in zip(found[some].fields(), expected.fields()):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
    for a, b in zip(found[~some].fields(), start[~some].fields()):
        assert torch.equal(a, b)


def test_adam_takes_the_references_steps(decoders, kernels, problems):
    x, image, classes, z = problems
    settings = toy_settings(protocol={"steps": 2, "learning_rate": 0.05})
    reference, some = ReferenceInference(decoders, settings), classes >= 0
    value, latent = kernels.adam(x, image, classes, z, settings.protocol)
    for problem in some.nonzero()[:, 0]:
        its = slice(problem, problem + 1)
        expected = reference._adam(decoders[classes[problem]], x[image[its]], z[its])
        torch.testing.assert_close(value[its], expected[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(latent[its], expected[1], atol=1e-3, rtol=0)


class PlainDecoders:
    """What the kernels do, by the reference, so that whole searches can be looked at."""

    def __init__(self, decoders):
        self.reference = ReferenceInference(decoders, toy_settings())
        self.classes = len(decoders)

    def decode(self, classes, latents):
        images, some = latents.new_full((len(latents), 1, 28, 28), NAN), (classes >= 0) & (classes < self.classes)
        images[some] = self.reference.decode(classes[some], latents[some])
        return images

    def jacobian(self, classes, latents):
        return self.reference.jacobian(classes, latents).mT

    def inverse_hessian(self, classes, latents):
        return self.reference._inverse_hessian(classes, latents)

    def bfgs(self, x, image, runs, classes, evaluations, prior, how):
        runs, some = runs.copy(), (classes >= 0) & (classes < self.classes)
        runs[some] = self.reference.bfgs(x, image[some], classes[some], runs[some], evaluations, prior)
        return runs

    def adam(self, x, image, classes, latents, how):
        value, latent = latents.new_full(latents.shape[:1], NAN), latents.clone()
        for c, decoder in enumerate(self.reference.decoders):
            its = classes == c
            value[its], latent[its] = self.reference._adam(decoder, x[image[its]], latents[its])
        return value, latent


@pytest.fixture(scope="module")
def engines():
    """The reference, and the Triton engine's slots and masks on plain decoders."""
    decoders = toy_decoders(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triton_inference, "TritonDecoders", PlainDecoders)
        yield ReferenceInference(decoders, toy_settings()), TritonInference(decoders, toy_settings())


@pytest.fixture
def images():
    return toy_images(toy_decoders(3), each=2)


@pytest.mark.parametrize("search", ["default", "arbiter"])
def test_searches_on_fixed_slots_find_what_the_reference_finds(engines, images, search):
    expected, found = (engine.infer(images, search=search).distance for engine in engines)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_decisions_on_fixed_slots_are_the_references(engines, images):
    expected, found = (engine.classify(images, torch.tensor([1.0, 0.2, 3.0])) for engine in engines)
    assert torch.equal(found, expected)


def test_an_image_of_nan_is_none(engines, images):
    reference, engine = engines
    filled_up = torch.cat([images, torch.full_like(images[:2], NAN)])
    value = engine._tournament(filled_up, engine.settings.default, 1.0, False).value
    torch.testing.assert_close(value[: len(images)], reference.infer(images).distance, atol=1e-3, rtol=0)
    value, _ = engine._protocol(filled_up)
    torch.testing.assert_close(
        value[: len(images)], reference.infer(images, search="protocol").distance, atol=1e-3, rtol=0
    )
    assert value[len(images) :].isnan().all()


@pytest.mark.parametrize(
    ("method", "limit"),
    [("decode", "RUNS_AT_ONCE"), ("jacobian", "JACOBIANS_AT_ONCE"), ("_inverse_hessian", "JACOBIANS_AT_ONCE")],
)
def test_what_the_kernels_get_is_small_enough_for_31_bits(engines, monkeypatch, method, limit):
    torch.manual_seed(0)
    classes, latents = torch.tensor([0, 2, 1, 1, 0]), torch.randn(5, 8)
    expected, engine = getattr(engines[0], method)(classes, latents), engines[1]
    monkeypatch.setattr(triton_inference, limit, 2)
    kernel, sizes = getattr(engine._kernels, method.strip("_")), []

    def counted(classes, latents):
        sizes.append(len(latents))
        return kernel(classes, latents)

    monkeypatch.setattr(engine._kernels, method.strip("_"), counted)
    torch.testing.assert_close(getattr(engine, method)(classes, latents), expected)
    assert sizes == [2, 2, 1]


def test_nearby_and_following_on_fixed_slots_find_what_the_reference_finds(engines, images):
    torch.manual_seed(0)
    changed = (images[:1] + 0.01 * torch.rand(5, 1, 28, 28)).clamp(0, 1)
    latents = engines[0].infer(images[:1]).latent[0]
    expected, found = (engine.infer_nearby(changed, latents) for engine in engines)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    followings = [Following(engine, len(images), torch.ones(3)) for engine in engines]
    rows, x = torch.arange(len(images)), images
    for look in range(6):
        margin = None if look % 2 else 1.0
        expected, found = (following.infer(x, rows, margin) for following in followings)
        torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)
        x = (x + (0.02 if look < 3 else 0.2) * torch.randn_like(x)).clamp(0, 1)
