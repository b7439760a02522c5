"""All engines find the minimum that equation 5 asks for, and agree."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.optimize import minimize
from torch import nn
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis import cache, inference
from analysis_by_synthesis.inference import ReferenceInference, build_inference, objective
from analysis_by_synthesis.inference.batched import BatchedInference
from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.inference.fast import FastInference
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.networks.vae import LATENT_DIM

pytestmark = pytest.mark.usefixtures("single_thread", "work")
CLASSES = 3


@pytest.fixture(scope="module")
def decoders():
    return toy_decoders(CLASSES)


@pytest.fixture(scope="module")
def images(decoders):
    return toy_images(decoders, each=2)


WITH_KERNELS = pytest.mark.skipif(
    not inference._can_run_kernels(), reason="without AVX2 and FMA, whole searches by the compiled kernels take minutes"
)
ENGINES = [ReferenceInference, BatchedInference, pytest.param(FastInference, marks=WITH_KERNELS)]
IDS = ["reference", "batched", "compiled"]


@pytest.fixture(scope="module", params=ENGINES, ids=IDS)
def engine(request, single_thread, work, decoders):
    return request.param(decoders, toy_settings())


def test_objective_is_equation_5(decoders, images):
    z = torch.randn(len(images), LATENT_DIM)
    value, residual = objective(decoders[0], z, images)
    expected = [((decoders[0](z[i : i + 1])[0] - x) ** 2).sum() + (z[i] @ z[i]) / 2 for i, x in enumerate(images)]
    torch.testing.assert_close(value, torch.stack(expected))
    torch.testing.assert_close(residual, decoders[0](z) - images)


def test_candidates_are_the_likeliest_draws():
    settings = toy_settings(candidates=900, dismissed=0.1)
    latents, all_draws = (
        candidate_latents(settings, 8),
        candidate_latents(toy_settings(candidates=1000, dismissed=0.0), 8),
    )
    assert latents.shape == (900, LATENT_DIM)
    torch.testing.assert_close(latents.norm(dim=1).max(), all_draws.norm(dim=1).sort().values[899])
    assert torch.equal(latents, candidate_latents(settings, 8))


def test_arbiter_finds_the_global_minimum_of_two_latents():
    """Against a search of the plane in float64."""
    decoders = toy_decoders(2, active_latents=2)
    x = toy_images(decoders, each=2)
    found = build_inference(decoders, toy_settings()).infer(x, search="arbiter").distance
    axis = torch.linspace(-4, 4, 33, dtype=torch.float64)
    grid = torch.cat([torch.cartesian_prod(axis, axis), torch.zeros(33**2, LATENT_DIM - 2, dtype=torch.float64)], 1)
    for c, decoder in enumerate(decoders):
        decoder.double()

        def value_and_gradient(latent, image, decoder=decoder):
            z = torch.tensor(latent)[None].requires_grad_()
            value, _ = objective(decoder, z, image[None])
            return value.item(), torch.autograd.grad(value.sum(), z)[0][0].numpy()

        reconstructions = decoder(grid).flatten(1)
        for i, image in enumerate(x.double()):
            values = (reconstructions - image.flatten()).square().sum(1) + grid.square().sum(1) / 2
            starts = grid[values.argsort()[:5]].numpy()
            best = min(minimize(value_and_gradient, z, args=(image,), jac=True, tol=1e-10).fun for z in starts)
            assert found[i, c].item() == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("build", ENGINES[1:], ids=IDS[1:])
def test_engines_agree(decoders, images, build):
    reference, other = ReferenceInference(decoders, toy_settings()), build(decoders, toy_settings())
    latents, classes = torch.randn(20, LATENT_DIM), torch.arange(20) % CLASSES
    torch.testing.assert_close(other.decode(classes, latents), reference.decode(classes, latents), atol=1e-5, rtol=0)
    x = images[:1].expand(20, -1, -1, -1)
    for evaluations, prior in ((1, 1.0), (2, 1.0), (5, 1.0), (5, 0.0)):
        (expected, _), (value, _) = (e.refine(x, classes, latents, evaluations, prior) for e in (reference, other))
        torch.testing.assert_close(value, expected, atol=1e-2, rtol=1e-4)
    torch.testing.assert_close(
        other.infer(images[::2], search="arbiter").distance,
        reference.infer(images[::2], search="arbiter").distance,
        atol=1e-3,
        rtol=0,
    )


def test_the_compiled_kernels_agree_on_any_cpu(decoders, images):
    """A few evaluations: without AVX2 and FMA the kernels are slow, but they run."""
    settings = toy_settings(candidates=40)
    reference, compiled = (engine(decoders[:1], settings) for engine in (ReferenceInference, FastInference))
    latents, classes = torch.randn(5, LATENT_DIM), torch.zeros(5, dtype=torch.long)
    torch.testing.assert_close(compiled.decode(0, latents), reference.decode(0, latents), atol=1e-5, rtol=0)
    (expected, _), (value, _) = (e.refine(images[:5], classes, latents, 3) for e in (reference, compiled))
    torch.testing.assert_close(value, expected, atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("build", ENGINES, ids=IDS)
def test_starts_are_a_newton_step_from_candidates_and_those_apart_come_first(decoders, images, build):
    engine = build(decoders, toy_settings(separation=0.2, candidates=200))
    starts, candidates = engine.starts(images, 6), engine.candidates
    for c, decoder in enumerate(decoders):
        jacobian = engine.jacobian(c, candidates)
        hessian = 2 * jacobian.mT @ jacobian + torch.eye(LATENT_DIM)
        for x, found in zip(images, starts[:, c]):
            z = candidates.clone().requires_grad_()
            values, _ = objective(decoder, z, x.expand(len(z), -1, -1, -1))
            step = -torch.linalg.solve(hessian, torch.autograd.grad(values.sum(), z)[0])
            step *= (engine.settings.bfgs.max_step / step.norm(dim=1, keepdim=True)).clamp(max=1)
            ends = (z.detach() + step)[values.topk(50, largest=False).indices]
            assert torch.cdist(found, ends).amin(1).max() < 0.15  # the image's part outside the principal components
            near = torch.cdist(found, found) < 0.2
            late = torch.zeros(len(found), dtype=torch.bool)
            for i in range(1, len(found)):
                late[i] = (near[i, :i] & ~late[:i]).any()
            assert torch.equal(late, late.sort().values)


def test_jacobian_is_that_of_the_decoder(engine, decoders):
    latents, classes, h = torch.randn(7, LATENT_DIM), torch.arange(7) % CLASSES, 1e-2
    jacobian = engine.jacobian(classes, latents)
    for i, e in enumerate(h * torch.eye(LATENT_DIM)):
        change = engine.decode(classes, latents + e) - engine.decode(classes, latents - e)
        torch.testing.assert_close(jacobian[:, :, i], change.flatten(1) / (2 * h), atol=1e-3, rtol=0)
    torch.testing.assert_close(engine.jacobian(1, latents[1:2]), jacobian[1:2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("build", ENGINES[1:], ids=IDS[1:])
def test_protocol_search_of_all_engines_is_the_same(decoders, images, build):
    settings = toy_settings(search="protocol")
    reference, other = (engine(decoders, settings).infer(images) for engine in (ReferenceInference, build))
    torch.testing.assert_close(other.distance, reference.distance, atol=1e-3, rtol=0)


def test_protocol_search_is_50_adam_steps_from_the_best_candidate(decoders, images):
    settings = toy_settings(search="protocol")
    distance, _ = ReferenceInference(decoders, settings).infer(images[:2])
    candidates = candidate_latents(settings, 8)
    for c, decoder in enumerate(decoders):
        values = torch.stack(
            [objective(decoder, candidates, x.expand(len(candidates), -1, -1, -1))[0] for x in images[:2]]
        )
        z = candidates[values.argmin(1)].clone().requires_grad_()
        adam, visited = torch.optim.Adam([z], lr=0.05), []
        for _ in range(51):
            value, _ = objective(decoder, z, images[:2])
            visited.append(value.detach())
            adam.zero_grad()
            value.sum().backward()
            adam.step()
        torch.testing.assert_close(distance[:, c], torch.stack(visited).amin(0), atol=1e-3, rtol=0)


def test_solution_is_consistent(engine, decoders, images):
    solution = engine.infer(images)
    for c, decoder in enumerate(decoders):
        value, residual = objective(decoder, solution.latent[:, c], images)
        torch.testing.assert_close(solution.distance[:, c], value, atol=1e-3, rtol=0)
        torch.testing.assert_close(engine.reconstruct(solution.latent)[:, c], residual + images, atol=1e-5, rtol=0)


def test_default_search_comes_close_to_the_arbiter_from_above(engine, images):
    gap = engine.infer(images).distance - engine.infer(images, search="arbiter").distance
    assert gap.min() > -1e-3
    assert gap.mean() < 0.5


def test_decisions_are_the_arbiters(engine, images):
    solution = engine.infer(images, search="arbiter")
    assert torch.equal(engine.classify(images), solution.distance.argmin(1))
    gamma = torch.tensor([1.0, 0.2, 3.0])
    assert torch.equal(engine.classify(images, gamma), (gamma * solution.distance).argmin(1))


def test_warm_start_follows_a_small_change(engine, images):
    classes = torch.arange(len(images)) // 2
    base = engine.infer(images, search="arbiter")
    changed = (images + 0.01 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    warm, latent = engine.refine(changed, classes, base.latent[range(len(images)), classes], evaluations=4)
    expected = engine.infer(changed, search="arbiter").distance[range(len(images)), classes]
    torch.testing.assert_close(warm, expected, atol=1e-2, rtol=0)
    assert latent.shape == (len(images), LATENT_DIM)


def test_result_does_not_depend_on_the_batch(engine, images):
    everything = engine.infer(images).distance
    some = [5, 0, 3]
    rounding = 1e-3 if isinstance(engine, ReferenceInference) else 0
    torch.testing.assert_close(engine.infer(images[some]).distance, everything[some], atol=rounding, rtol=0)
    alone = engine.infer(images[5:6]).distance
    torch.testing.assert_close(alone, everything[5:6], atol=rounding, rtol=0)
    assert torch.equal(torch.cat([engine.classify(x[None]) for x in images[some]]), engine.classify(images)[some])


@pytest.fixture
def nothing_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "folder", lambda kind: tmp_path / kind)
    return tmp_path


@WITH_KERNELS
def test_result_does_not_depend_on_threads_or_on_kept_tables(decoders, images, nothing_kept):
    fresh = FastInference(decoders, toy_settings())
    runs = fresh._starts(images, 1)[:, 1, 0]
    each, second = torch.arange(len(images)), torch.ones(len(images), dtype=torch.long)
    at_once = fresh.bfgs(images, each, second, runs, 8)
    in_parts = fresh.bfgs(images, each, second, fresh.bfgs(images, each, second, runs, 4), 4)
    for a, b in zip(at_once.fields(), in_parts.fields()):
        assert torch.equal(a, b)
    try:
        torch.set_num_threads(2)
        kept = FastInference(decoders, toy_settings())
        assert torch.equal(
            kept.infer(images, search="arbiter").distance, fresh.infer(images, search="arbiter").distance
        )
    finally:
        torch.set_num_threads(1)


@WITH_KERNELS
def test_tables_that_cannot_be_read_are_built_anew(decoders, images, nothing_kept, caplog):
    expected = FastInference(decoders, toy_settings()).infer(images).distance
    for damage in (b"", b"PK\x03\x04"):
        next(nothing_kept.rglob("*.npz")).write_bytes(damage)
        assert torch.equal(FastInference(decoders, toy_settings()).infer(images).distance, expected)
        assert "built anew" in caplog.records[-1].message


def test_more_finalists_than_candidates_are_refused():
    with pytest.raises(ValidationError, match="as many candidates as finalists"):
        toy_settings(candidates=20)


def test_empty_batch(engine):
    nothing = torch.zeros(0, 1, 28, 28)
    solution = engine.infer(nothing)
    assert solution.distance.shape == (0, CLASSES)
    assert solution.latent.shape == (0, CLASSES, LATENT_DIM)
    assert engine.reconstruct(solution.latent).shape == (0, CLASSES, 1, 28, 28)
    assert engine.classify(nothing).shape == (0,)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("search", ["default", "arbiter", "protocol"])
def test_values_that_are_not_finite_are_refused(engine, images, search, value):
    spoilt = images.clone()
    spoilt[1, 0, 3, 4] = value
    with pytest.raises(ValueError, match="NaN"):
        engine.infer(spoilt, search=search)
    with pytest.raises(ValueError, match="NaN"):
        engine.classify(spoilt)


def test_images_outside_the_box_have_the_minimum_of_the_objective(engine, decoders, images):
    outside = images * 1.5 - 0.3
    found = engine.infer(outside, search="arbiter")
    for c, decoder in enumerate(decoders):
        value, _ = objective(decoder, found.latent[:, c], outside)
        torch.testing.assert_close(found.distance[:, c], value, atol=1e-2, rtol=1e-4)
        nearby, _ = objective(decoder, found.latent[:, c] + 0.02 * torch.randn(len(images), LATENT_DIM), outside)
        assert (nearby > value - 1e-2).all()


@pytest.mark.parametrize("x", [torch.zeros(1, 28, 28), torch.zeros(1, 1, 28, 28, dtype=torch.uint8)])
def test_other_shapes_and_types_are_refused(engine, x):
    with pytest.raises(ValueError, match=r"float \(N, 1, 28, 28\)"):
        engine.infer(x)


def test_where_compiled_kernels_cannot_run_the_reference_takes_over(monkeypatch, decoders, caplog):
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", dict)
    inference._can_run_kernels.cache_clear()
    try:
        engines = [build_inference(decoders, toy_settings()) for _ in range(2)]
        assert all(isinstance(engine, ReferenceInference) for engine in engines)
        assert sum("plain PyTorch" in record.message for record in caplog.records) == 1
    finally:
        inference._can_run_kernels.cache_clear()


class ColourDecoder(Decoder):
    """Latents (N, 20) to images (N, 3, 32, 32)."""

    latent_dim, image_shape = 20, (3, 32, 32)

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = nn.Linear(20, 3 * 32 * 32)

    def forward(self, z):
        return torch.sigmoid(3 * self.layer(z)).view(-1, *self.image_shape)


def test_other_images_and_latents_are_inferred_by_the_reference():
    """Two classes of colour images, as a model: D is the objective at z*, and z* a minimum."""
    decoders = [ColourDecoder(seed).eval().requires_grad_(False) for seed in (0, 1)]
    model = ABS(decoders, toy_settings())
    assert isinstance(model.inference, ReferenceInference)
    assert (model.image_shape, model.classes) == ((3, 32, 32), 2)
    images = torch.cat([decoder(torch.randn(2, 20)) for decoder in decoders])
    assert model(images).argmax(1).tolist() == model.classify(images).tolist() == [0, 0, 1, 1]
    found = model.inference.infer(images, search="arbiter")
    for c, decoder in enumerate(decoders):
        z = found.latent[:, c].clone().requires_grad_()
        value, _ = objective(decoder, z, images)
        torch.testing.assert_close(found.distance[:, c], value.detach(), atol=1e-3, rtol=1e-4)
        assert torch.autograd.grad(value.sum(), z)[0].norm(dim=1).max() < 1
    following, rows = model.follow(4), torch.arange(4)
    assert following(images, rows).argmax(1).tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"float \(N, 3, 32, 32\)"):
        model(torch.rand(1, 1, 28, 28))


def test_first_round_has_to_include_all_classes():
    only_near = [{"starts": 1, "evaluations": 3, "margin": 1.0, "decrease_weight": 0.0}]
    with pytest.raises(ValidationError, match="all classes"):
        toy_settings(default=only_near)
    assert np.isfinite(toy_settings(decision=only_near).decision[0].margin)
