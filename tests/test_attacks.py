"""Attacks against models whose closest adversarial is known exactly."""

import inspect

import foolbox
import pytest
import torch
from project import PARAMS
from torch import nn
from toy_decoders import toy_decoders, toy_images, toy_settings
from toy_models import BrightPixels, Bulging, GrowsCertain, Template, TenPlanes, TwoPlanes, grey_images

from analysis_by_synthesis.attacks import (
    auto_attack,
    base,
    basic_iterative,
    boundary,
    brendel_bethge,
    carlini_wagner,
    ddn,
    deepfool,
    fast_gradient,
    fast_minimum_norm,
    gaussian_noise,
    hop_skip_jump,
    latent_descent,
    latent_line_search,
    pgd,
    pointwise,
    pointwise_images,
    salt_and_pepper,
    sigma_zero,
    transfer,
)
from analysis_by_synthesis.attacks.foolbox_model import foolbox_model
from analysis_by_synthesis.attacks.gradient import log_odds
from analysis_by_synthesis.attacks.noise import salt_and_pepper as salt_and_pepper_noise
from analysis_by_synthesis.attacks.recorder import Recorder, Resources
from analysis_by_synthesis.attacks.starts import adversarial_starts
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.binary_abs import BinaryABS
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.params.base import Foolbox
from analysis_by_synthesis.params.registry import settings_type
from analysis_by_synthesis.pipeline.errors import UserError

WALK = {"spherical_step": 0.01, "source_step": 0.01, "source_step_convergance": 1e-7, "step_adaptation": 1.5}
SCAN = {"epsilons": 1000, "finer_epsilons": 20}
BIM = {
    "steps": 10, "rel_stepsize": 1 / 6, "momentum": 0.0, "init_epsilon": 0.3, "growth_factor": 1.5, "growth_steps": 10,
    "bisections": 15,
}  # fmt: skip
POINTWISE = {
    "restarts": 1, "repetitions": 2, "levels": 50, "density_factor": 1.2, "bisections": 12, "min_improvement": 0.01,
}  # fmt: skip


def smallest(model, attack, images, resources=None):
    """The recorder after the attack; every distance that it claims is checked."""
    settings, labels = attack.settings, model(images).argmax(1)
    resources = resources or Resources(images, labels, {})
    recorder = Recorder(model, images, labels, settings.norm, resources=resources, sees=settings.sees)
    torch.manual_seed(0)
    attack.run(recorder)
    for sample in recorder.best_distance.isfinite().nonzero()[:, 0].tolist():
        best, clean = recorder.closest(sample)[0], images[sample]
        beyond = (clean + 1.0001 * (best - clean))[None].clamp(0, 1)  # rounding undoes what lies on the boundary itself
        assert model(beyond).argmax(1) != labels[sample]
        torch.testing.assert_close(distance(best[None], clean[None], settings.norm)[0], recorder.best_distance[sample])
    return recorder


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize(
    ("module", "settings", "ratio"),
    [
        (fast_gradient, {"norm": "l2", **SCAN}, 1.06),
        (fast_gradient, {"norm": "linf", **SCAN}, 1.06),
        (basic_iterative, {"norm": "l2", **BIM}, 1.001),
        (basic_iterative, {"norm": "linf", **BIM}, 1.001),
        (basic_iterative, {"norm": "linf", **BIM, "momentum": 1.0}, 1.001),
        (deepfool, {"norm": "l2", "steps": 20, "overshoot": 0.02}, 1.03),
        (deepfool, {"norm": "linf", "steps": 20, "overshoot": 0.02}, 1.03),
        (ddn, {"norm": "l2", "steps": 100, "init_epsilon": 1.0, "gamma": 0.05}, 1.01),
        (
            carlini_wagner,
            {"norm": "l2", "binary_search_steps": 5, "steps": 50, "stepsize": 0.02, "initial_const": 10.0},
            1.1,
        ),
        (fast_minimum_norm, {"norm": "linf", "steps": 100, "max_stepsize": 1.0, "gamma": 0.05}, 1.01),
        (fast_minimum_norm, {"norm": "l0", "steps": 100, "max_stepsize": 1.0, "gamma": 0.05}, 1.1),
        (
            sigma_zero,
            {
                "norm": "l0",
                "steps": 300,
                "step_size": 1.0,
                "last_step_size": 0.1,
                "sigma": 0.001,
                "threshold": 0.3,
                "threshold_step": 0.01,
            },
            1.2,
        ),
    ],
)
def test_gradient_attacks_reach_the_boundary_of_a_linear_model(module, settings, ratio, n):
    model, images = TwoPlanes(), grey_images(n)
    recorder = smallest(model, module.Attack(module.Settings(**settings)), images)
    optimum = model.optimum(images, settings["norm"])
    assert (recorder.best_distance >= optimum * (1 - 1e-4)).all()
    assert (recorder.best_distance <= optimum * ratio).all()


def test_fmn_goes_on_where_changing_every_pixel_is_not_enough():
    """Foolbox's own projection then asks for a pixel that isn't there."""
    settings = fast_minimum_norm.Settings(norm="l0", steps=100, max_stepsize=1.0, gamma=0.5)
    recorder = smallest(TwoPlanes(offset=1e4), fast_minimum_norm.Attack(settings), grey_images(2))
    assert recorder.best_distance.isinf().all() and (recorder.queries > 100).all()


def test_pgd_finds_what_is_inside_its_budget_and_nothing_else():
    model, images = TwoPlanes(), grey_images(3)
    optimum = model.optimum(images, "linf")
    for factor, finds in ((0.8, False), (1.2, True)):
        epsilon = factor * optimum.max().item()
        settings = pgd.Settings(norm="linf", epsilon=epsilon, abs_stepsize=epsilon / 5, steps=10)
        recorder = smallest(model, pgd.Attack(settings), images)
        if finds:
            assert (recorder.best_distance <= epsilon * (1 + 1e-6)).all()
        else:
            assert (recorder.best_distance.isfinite() <= (optimum <= epsilon)).all()


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_deepfool_goes_too_far_by_a_share_of_each_step_and_not_of_them_all(norm):
    """Where many steps lead to the boundary, the last ones are short."""
    model, images = Bulging(), grey_images(3)
    recorder = smallest(model, deepfool.Attack(deepfool.Settings(norm=norm, steps=50, overshoot=0.05)), images)
    assert (recorder.best_distance <= 1.02 * model.optimum(images, norm)).all()


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_auto_attack_finds_what_is_inside_its_budget(norm):
    model, images = TenPlanes(), grey_images(2)
    epsilon = 1.2 * model.optimum(images, norm).max().item()
    recorder = smallest(model, auto_attack.Attack(auto_attack.Settings(norm=norm, epsilon=epsilon)), images)
    assert (recorder.best_distance <= epsilon * (1 + 1e-5)).all()


def test_auto_attack_never_goes_by_the_logits_of_a_decision():
    class OnlyTheClass(TenPlanes):
        def follow(self, samples):
            def logits(x, rows):
                exact = self(x)
                return exact if x.requires_grad else torch.nn.functional.one_hot(exact.argmax(1), 10).float()

            return logits

    images, asked = grey_images(1), []
    for model in (TenPlanes(), OnlyTheClass()):
        epsilon = 0.9 * model.optimum(images, "linf").min().item()
        attack = auto_attack.Attack(auto_attack.Settings(norm="linf", epsilon=epsilon))
        images_asked = []
        model.register_forward_pre_hook(lambda _, x, kept=images_asked: kept.append(x[0].detach().sum()))
        smallest(model, attack, images)
        asked.append(torch.stack(images_asked))
    assert torch.equal(*asked)


def two_classes(n):
    """A linear model, and images of both of its classes."""
    model, images = TwoPlanes(), grey_images(n)
    images[::2] = (images[::2] + 0.1 * model.w.sign().view(1, 1, 28, 28)).clamp(0, 1)
    model.b += (images.flatten(1) @ model.w - model.b)[:2].mean()
    return model, images


def test_attacks_along_the_boundary_start_from_images_of_other_classes():
    model, images = two_classes(6)
    labels = model(images).argmax(1)
    recorder = Recorder(model, images, labels, "l2", resources=Resources(images, labels, {}))
    rows, starts = adversarial_starts(recorder, rank=0, bisections=10)
    assert rows.tolist() == list(range(6))
    assert recorder.is_adversarial(starts, rows).all()
    assert not recorder.is_adversarial(starts + 1e-2 * (images - starts), rows).any()
    same = labels == labels[0]
    recorder = Recorder(model, images, labels, "l2", resources=Resources(images[same], labels[same], {}))
    rows, _ = adversarial_starts(recorder, rank=0, bisections=10)
    assert rows.tolist() == (~same).nonzero()[:, 0].tolist()
    recorder = Recorder(model, images, labels, "l2", resources=Resources(images, labels.flip(0).roll(1), {}))
    rows, starts = adversarial_starts(recorder, rank=0, bisections=0)
    assert recorder.is_adversarial(starts, rows).all()  # an image whose label is not what the model says is passed over


def test_a_sample_s_start_does_not_depend_on_the_others():
    model, images = two_classes(6)
    labels = model(images).argmax(1)
    pool = Resources(images, labels, {})
    together = adversarial_starts(Recorder(model, images, labels, "l2", resources=pool), rank=1, bisections=10)[1]
    for i in range(6):
        alone = Recorder(model, images[i : i + 1], labels[i : i + 1], "l2", resources=pool)
        torch.testing.assert_close(
            adversarial_starts(alone, rank=1, bisections=10)[1][0], together[i], atol=1e-3, rtol=0
        )


def test_a_start_that_is_refused_when_asked_again_gives_way_to_the_image_of_the_other_class():
    """As the followed ABS may: its search goes on, and an image at the boundary returns to its class."""
    model, images = two_classes(6)
    labels = model(images).argmax(1)
    recorder = Recorder(GrowsCertain(model, asked=14), images, labels, "l2", resources=Resources(images, labels, {}))
    settings = boundary.Settings(norm="l2", restarts=1, steps=10, **WALK, update_stats_every_k=1, bisections=10)
    boundary.Attack(settings).run(recorder)
    assert recorder.best_distance.isfinite().all()


def test_the_boundary_attack_is_foolboxs():
    """Query for query, until the step sizes have been adapted both ways."""
    model, images = two_classes(6)
    labels = model(images).argmax(1)
    settings = boundary.Settings(norm="l2", restarts=1, steps=600, **WALK, update_stats_every_k=1, bisections=5)
    pool = Resources(images, labels, {})
    recorders = [Recorder(model, images, labels, "l2", candidates=3, resources=pool) for _ in range(2)]
    for ours, recorder in enumerate(recorders):
        torch.manual_seed(0)
        rows, starts = adversarial_starts(recorder, 0, settings.bisections)
        if ours:
            boundary.walk(recorder, starts, rows, settings)
        else:
            foolboxs = foolbox.attacks.BoundaryAttack(
                steps=settings.steps, spherical_step=0.01, source_step=0.01, update_stats_every_k=1
            )
            criterion = foolbox.Misclassification(labels[rows])
            foolboxs(foolbox_model(recorder, rows), images[rows], criterion, epsilons=None, starting_points=starts)
    foolboxs, ours = recorders
    assert torch.equal(ours.queries, foolboxs.queries)
    assert torch.equal(ours.best_distance, foolboxs.best_distance)
    for sample in range(len(images)):
        assert all(map(torch.equal, ours.closest(sample), foolboxs.closest(sample)))


def test_a_second_boundary_walk_can_only_help():
    model, images = two_classes(4)
    labels = model(images).argmax(1)
    found = []
    for restarts in (1, 2):
        settings = boundary.Settings(
            norm="l2", restarts=restarts, steps=20, **WALK, update_stats_every_k=1,
            bisections=5,
        )  # fmt: skip
        recorder = smallest(model, boundary.Attack(settings), images, Resources(images, labels, {}))
        found.append((recorder.best_distance, recorder.queries))
    (once, queries), (twice, more) = found
    assert (twice <= once).all() and (more > 1.5 * queries).all()


@pytest.mark.extras
def test_brendel_bethge_changes_as_few_pixels_of_a_linear_models_images_as_will_do():
    """In L0 only: for each norm Foolbox compiles an optimiser of its own, which takes half a minute."""
    model, images = two_classes(4)
    settings = {"norm": "l0", "restarts": 1, "steps": 100, "lr": 0.03, "lr_num_decay": 10, "binary_search_steps": 10}
    recorder = smallest(model, brendel_bethge.Attack(brendel_bethge.Settings(**settings)), images)
    optimum = model.optimum(images, "l0")
    assert (recorder.best_distance >= optimum).all()
    assert (recorder.best_distance <= 1.1 * optimum).all()


@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (
            boundary,
            {
                "norm": "l2",
                "restarts": 1,
                "steps": 1000,
                **WALK,
                "update_stats_every_k": 1,
            },
        ),
        (hop_skip_jump, {"norm": "l2", "steps": 4, "initial_gradient_eval_steps": 100}),
        (hop_skip_jump, {"norm": "linf", "steps": 4, "initial_gradient_eval_steps": 100}),
    ],
)
def test_attacks_along_the_boundary_come_closer_than_they_started(module, settings):
    """A little: decisions alone lead slowly to the closest adversarial in 784 dimensions."""
    model, images = two_classes(4)
    labels = model(images).argmax(1)
    started = Recorder(model, images, labels, settings["norm"], resources=Resources(images, labels, {}))
    adversarial_starts(started, rank=0, bisections=10)
    recorder = smallest(model, module.Attack(module.Settings(bisections=10, **settings)), images)
    optimum = model.optimum(images, settings["norm"])
    assert (recorder.best_distance >= optimum * (1 - 1e-3)).all()
    assert (recorder.best_distance <= 0.08 * optimum + 0.92 * started.best_distance).all()


def test_latent_descent_ends_at_the_boundary_to_the_likeliest_class():
    decoders = toy_decoders(3)
    model, images = ABS(decoders, toy_settings()), toy_images(decoders, each=1)
    settings = latent_descent.Settings(norm="l2", epsilon=0.05, steps=100, bisections=8)
    recorder = smallest(model, latent_descent.Attack(settings), images)
    solution = model.inference.infer(images)
    towards = model.inference.reconstruct(solution.latent)[
        torch.arange(3), solution.distance.topk(2, largest=False).indices[:, 1]
    ]
    assert (recorder.best_distance < distance(towards, images, "l2")).all()


@pytest.mark.parametrize("kind", [ABS, BinaryABS])
def test_the_line_search_mixes_the_image_with_a_reconstruction(kind):
    """Of a binary model, only pixels that cross the threshold change, and these end there."""
    decoders = toy_decoders(3)
    model, images = kind(decoders, toy_settings()), toy_images(decoders, each=1)
    settings = latent_line_search.Settings(norm="l2", steps=20, bisections=8)
    recorder = smallest(model, latent_line_search.Attack(settings), images)
    assert recorder.best_distance.isfinite().all()
    if kind is BinaryABS:
        for sample, image in enumerate(images):
            best = recorder.closest(sample)[0]
            crossed = binarize(best) != binarize(image)
            assert torch.equal(best[~crossed], image[~crossed])
            torch.testing.assert_close(best[crossed], torch.full_like(best[crossed], 0.5))


def test_transfer_lengthens_the_substitutes_perturbations():
    model, images = TwoPlanes(offset=120.0), grey_images(3)
    scan, iterate = ({"norm": norm} for norm in ("l2", "linf"))
    sources = {"fgm": scan | SCAN, "fgsm": iterate | SCAN, "l2_bim": scan | BIM, "bim": iterate | BIM}
    settings = transfer.Settings(
        norm="l2", sources=sources, init_scale=0.5, growth_factor=1.2, growth_steps=20, bisections=12
    )
    resources = Resources(images, model(images).argmax(1), {"substitute": TwoPlanes()})
    recorder = smallest(model, transfer.Attack(settings), images, resources)
    assert (recorder.best_distance / model.optimum(images, "l2")).tolist() == pytest.approx([1] * 3, rel=1e-2)


def test_the_gradient_is_that_of_the_cross_entropy_and_survives_certainty():
    labels = torch.tensor([3, 3])
    logits = torch.randn(2, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    cross_entropy = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    expected, found = (torch.autograd.grad(loss, logits)[0] for loss in (cross_entropy, log_odds(logits, labels).sum()))
    torch.testing.assert_close(nn.functional.normalize(found), nn.functional.normalize(expected))
    certain = torch.zeros(2, 10).index_fill(1, torch.tensor([3]), 200.0).requires_grad_()
    (gradient,) = torch.autograd.grad(log_odds(certain, labels).sum(), certain)
    torch.testing.assert_close(gradient, torch.full((2, 10), 1 / 9).index_fill(1, torch.tensor([3]), -1.0))


@pytest.mark.parametrize("count", [1, 6])
def test_pointwise_counts_pixels(count):
    settings = pointwise.Settings(norm="l0", **POINTWISE)
    recorder = smallest(BrightPixels(count), pointwise.Attack(settings), torch.zeros(3, 1, 28, 28))
    assert recorder.best_distance.tolist() == [count] * 3


def test_pointwise_bisects_each_pixel_for_l2():
    settings = pointwise.Settings(norm="l2", **POINTWISE)
    recorder = smallest(BrightPixels(4), pointwise.Attack(settings), torch.zeros(2, 1, 28, 28))
    torch.testing.assert_close(recorder.best_distance, torch.ones(2), atol=2e-3, rtol=0)  # 4 pixels of 0.5


def test_pointwise_from_images_needs_no_noise_that_fools_the_model():
    template = torch.zeros(1, 1, 28, 28)
    template[0, 0, 5, 5:15] = 1
    model, images = Template(template), torch.zeros(3, 1, 28, 28)
    noise = smallest(model, pointwise.Attack(pointwise.Settings(norm="l0", **POINTWISE)), images)
    assert noise.best_distance.isinf().all()
    settings = pointwise_images.Settings(norm="l0", restarts=2)
    other = template.clone()
    other[0, 0, 20, 20] = 1  # another pixel of no account
    pool = Resources(torch.cat([other, template]), torch.ones(2, dtype=torch.long), {})
    recorder = smallest(model, pointwise_images.Attack(settings), images, pool)
    assert recorder.best_distance.tolist() == [10] * 3


def test_a_search_of_noise_asks_only_about_images_that_are_closer():
    recorder = Recorder(BrightPixels(20), torch.zeros(4, 1, 28, 28), torch.zeros(4, dtype=torch.long), "l0")
    torch.manual_seed(0)
    once = salt_and_pepper_noise(recorder, levels=50, repetitions=1, density_factor=1.2)
    first = distance(once, recorder.images, "l0")
    queries = recorder.queries.clone()
    torch.manual_seed(0)
    found = salt_and_pepper_noise(recorder, levels=50, repetitions=6, density_factor=1.2)
    assert torch.equal(distance(found, recorder.images, "l0"), recorder.best_distance)
    assert (recorder.best_distance < first).any()
    assert (recorder.queries - queries < 6 * 50).all()


def test_noise_finds_an_adversarial():
    settings = salt_and_pepper.Settings(norm="l0", levels=100, repetitions=3, density_factor=1.2)
    pepper = smallest(BrightPixels(20), salt_and_pepper.Attack(settings), torch.zeros(5, 1, 28, 28))
    assert (pepper.best_distance >= 20).all() and (pepper.best_distance < 120).all()
    settings = gaussian_noise.Settings(norm="l2", levels=50)
    assert (
        smallest(BrightPixels(20), gaussian_noise.Attack(settings), torch.zeros(5, 1, 28, 28))
        .best_distance.isfinite()
        .all()
    )


def test_an_attack_without_success_records_none():
    settings = salt_and_pepper.Settings(norm="l0", levels=10, repetitions=1, density_factor=1.2)
    recorder = smallest(BrightPixels(785), salt_and_pepper.Attack(settings), torch.zeros(2, 1, 28, 28))
    assert recorder.best_distance.isinf().all()
    assert recorder.queries.tolist() == [10, 10]
    settings = pointwise.Settings(norm="l0", **POINTWISE)
    assert (
        smallest(BrightPixels(785), pointwise.Attack(settings), torch.zeros(2, 1, 28, 28)).best_distance.isinf().all()
    )


class Curious(base.Attack[gaussian_noise.Settings]):
    """Looks at more than it says."""

    def run(self, recorder):
        recorder.latent_model.explain(recorder.images)


def test_an_attack_sees_what_it_says_and_no_more():
    """So that a flag which compares attacks by what they see can be believed."""
    images = grey_images(2)
    recorder = Recorder(TwoPlanes(), images, torch.zeros(2, dtype=torch.long), "l2", sees="decisions")
    scan = fast_gradient.Attack(fast_gradient.Settings(norm="l2", **SCAN))
    with pytest.raises(UserError, match="an attack that sees decisions asks for gradients; correct `sees`"):
        scan.run(recorder)
    curious = Curious(gaussian_noise.Settings(norm="l2", levels=1))
    with pytest.raises(UserError, match="an attack that sees decisions asks for latents"):
        curious.run(recorder)
    with pytest.raises(UserError, match="which this model doesn't have; attack abs or binary_abs"):
        curious.run(Recorder(TwoPlanes(), images, torch.zeros(2, dtype=torch.long), "l2", sees="latents"))


def test_foolboxs_names_are_foolboxs():
    """What params.yaml calls as Foolbox does is a parameter of Foolbox's attack."""
    marked = 0
    for module in sorted({block["module"] for block in PARAMS["attacks"].values()}):
        for name, field in settings_type(module).model_fields.items():
            for mark in (mark for mark in field.metadata if isinstance(mark, Foolbox)):
                signature = inspect.signature(getattr(foolbox.attacks, mark.attack).__init__)
                assert name in signature.parameters, (module, name)
                marked += 1
    assert marked > 20
