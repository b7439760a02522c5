"""What runs on a GPU gives what it gives on a CPU."""

from copy import deepcopy

import pytest
import torch
from toy_decoders import PARAMS, toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.attacks import (
    boundary,
    ddn,
    fast_gradient,
    latent_descent,
    pointwise,
)
from analysis_by_synthesis.attacks.recorder import Resources
from analysis_by_synthesis.bounds import bound_guided
from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.evaluation.runner import AttackCell
from analysis_by_synthesis.inference import Following, ReferenceInference, build_inference, replayed
from analysis_by_synthesis.inference.batched import BatchedInference
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.pipeline.device import device

ROOT = PARAMS.parent
TRAINED = all(path.exists() for path in (ROOT / "models" / "abs" / "9.safetensors", ROOT / "data" / "mnist"))
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(scope="module")
def decoders():
    return toy_decoders(3)


@pytest.fixture(scope="module")
def images(decoders):
    return toy_images(decoders, each=7)


@pytest.fixture(scope="module")
def reference(decoders):
    return ReferenceInference(decoders, toy_settings())


@pytest.fixture(scope="module")
def model():
    return ABS(toy_decoders(3), toy_settings())


@pytest.fixture(scope="module")
def model_on_gpu():
    return ABS(toy_decoders(3), toy_settings()).to(device())


@pytest.fixture(scope="module")
def on_gpu(model_on_gpu):
    return model_on_gpu.inference


@pytest.fixture(scope="module", params=["the engine", "without Triton"])
def either_on_gpu(request, on_gpu, decoders):
    if request.param == "the engine":
        return on_gpu
    return BatchedInference([deepcopy(decoder).to(device()) for decoder in decoders], toy_settings())


def test_all_searches_find_what_the_reference_finds(reference, either_on_gpu, images):
    on_gpu = either_on_gpu
    (expected, _), (found, _) = (
        reference.infer(images, search="protocol"),
        on_gpu.infer(images.cuda(), search="protocol"),
    )
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-3)
    for search in ("default", "arbiter"):
        expected, found = reference.infer(images, search=search), on_gpu.infer(images.cuda(), search=search)
        torch.testing.assert_close(
            found.distance.min(1).values.cpu(), expected.distance.min(1).values, rtol=0, atol=1e-3
        )
    assert (on_gpu.classify(images.cuda()).cpu() == expected.distance.argmin(1)).all()


@pytest.mark.skipif(not TRAINED, reason="needs the outputs of dvc repro")
def test_searches_on_trained_decoders_find_what_the_reference_finds():
    trained = load_model("abs", ROOT / "models", device())
    decoders, settings = list(trained.decoders), trained.settings
    engines = ReferenceInference(decoders, settings), build_inference(decoders, settings)
    x = mnist.load("test", ROOT / "data" / "mnist")[0][:32].to(device())
    for search in ("protocol", "default", "arbiter"):
        expected, found = (engine.infer(x, search=search).distance for engine in engines)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
    expected, found = (engine.classify(x) for engine in engines)
    assert torch.equal(found, expected)


def test_more_graphs_than_are_kept_give_the_same(on_gpu, images, monkeypatch):
    monkeypatch.setattr(replayed, "GRAPHS", 2)
    x = images.cuda()
    together = on_gpu.infer(x).distance
    for _ in range(2):
        for n in (1, 2, 4, 8, 16):
            torch.testing.assert_close(on_gpu.infer(x[:n]).distance, together[:n], rtol=0, atol=1e-3)


def test_nan_is_refused(on_gpu, images):
    following, rows = Following(on_gpu, len(images), torch.ones(on_gpu.classes, device="cuda")), torch.arange(2).cuda()
    spoilt = images[:2].cuda()
    spoilt[1, 0, 3, 4] = torch.nan
    for look in (lambda x: on_gpu.infer(x).distance, lambda x: following.infer(x, rows)):
        with pytest.raises(ValueError, match="NaN"):
            look(spoilt)


def test_more_jacobians_than_31_bits_can_count(on_gpu):
    torch.manual_seed(0)
    latents = torch.randn(2**15, 8, device="cuda")
    jacobians = on_gpu.jacobian(1, latents)
    for part in (slice(0, 2), slice(-2, None)):
        torch.testing.assert_close(jacobians[part], on_gpu.jacobian(1, latents[part]))


def test_result_does_not_depend_on_the_batch(on_gpu, images):
    together = on_gpu.infer(images.cuda(), search="arbiter").distance
    for i in (0, len(images) - 1):
        torch.testing.assert_close(
            on_gpu.infer(images[i : i + 1].cuda(), search="arbiter").distance[0], together[i], rtol=0, atol=1e-3
        )


def test_following_stays_with_the_arbiter(either_on_gpu, images):
    on_gpu = either_on_gpu
    following, x = Following(on_gpu, len(images), torch.ones(on_gpu.classes, device="cuda")), images.cuda()
    for _ in range(4):
        found = following.infer(x, torch.arange(len(x), device="cuda"), margin=1.0)
        least = on_gpu.infer(x, search="arbiter").distance.min(1).values
        torch.testing.assert_close(found.min(1).values, least, rtol=0, atol=0.05)
        x = (x + 0.02 * torch.randn_like(x)).clamp(0, 1)


def test_gradients_are_those_of_the_cpu(model, model_on_gpu, images):
    gradients = []
    for of in (model, model_on_gpu):
        x = images[:4].to(of.gamma.device).requires_grad_()
        (gradient,) = torch.autograd.grad(of(x).max(1).values.sum(), x)
        gradients.append(gradient.cpu().flatten(1))
    assert (torch.cosine_similarity(*gradients) > 0.999).all()


SEARCH = {
    "opening_starts": 3, "opening_runs": 2, "outer_factor": 1.4, "screened": 8, "starts": 6, "starts_per_class": 1, "nearest_starts": 1, "scattered": 1,
    "spread": 0.3, "runs": 4, "rounds": 1, "new_runs": 1, "evaluations": 5, "tolerance": 0.001, "alternations": 4, "weight_steps": 3,
    "weight_rate": 1.0, "merge_radius": 0.1, "final_runs": 2, "final_factor": 2, "attack_depth": 1.5, "bisections": 4, "slack": 0.001,
}  # fmt: skip
ATTACKS = [
    (ddn, {"norm": "l2", "steps": 30, "init_epsilon": 1.0, "gamma": 0.2}),
    (fast_gradient, {"norm": "linf", "epsilons": 20, "finer_epsilons": 5}),
    (fast_gradient, {"norm": "l2", "epsilons": 20, "finer_epsilons": 5, "difference_steps": [0.1]}),
    (boundary, {"norm": "l2", "restarts": 1, "steps": 20, "spherical_step": 0.01, "source_step": 0.01, "source_step_convergance": 1e-7, "step_adaptation": 1.5, "update_stats_every_k": 10, "bisections": 5}),
    (latent_descent, {"norm": "l2", "epsilon": 0.05, "steps": 50, "bisections": 8}),
    (pointwise, {"norm": "l0", "restarts": 1, "repetitions": 1, "levels": 20, "density_factor": 1.2, "bisections": 5, "min_improvement": 0.01}),
    (bound_guided, {"norm": "linf", "search": SEARCH}),
]  # fmt: skip


@pytest.mark.parametrize("attack", [module.Attack(module.Settings(**settings)) for module, settings in ATTACKS])
def test_adversarials_found_on_a_gpu_are_adversarial_on_a_cpu(model, model_on_gpu, images, attack):
    """But for Brendel & Bethge's attack, whose solver runs on the CPU, and takes half a minute to compile."""
    labels = predict(model, images)
    evaluation = Evaluation(
        chunk_size=12, start_images=1, candidates=4, milestone=0.98, overshoots=[1.0, 1.01, 1.1], margin=0.001
    )
    on_gpu = images.to(device()), labels.to(device())
    cell = AttackCell(model_on_gpu, attack, evaluation, Resources(*on_gpu, {}), *on_gpu)
    records = cell.chunk(list(range(len(images))), 0)
    assert records["adversarial"].device.type == "cpu"
    assert records["success"].any()
    found = records["success"] & records["clean_correct"]
    assert (predict(model, records["adversarial"][found]) != labels[found]).all()
