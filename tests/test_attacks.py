"""Attacks against models whose closest adversarial is known exactly."""

import pytest
import torch
from torch import nn

from analysis_by_synthesis.attacks import (
    basic_iterative,
    deepfool,
    fast_gradient,
    gaussian_noise,
    pointwise,
    salt_and_pepper,
)
from analysis_by_synthesis.attacks.gradient import log_odds
from analysis_by_synthesis.attacks.postprocess import shrink_binary
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.records import onto_grid, read_adversarials, write_attack
from analysis_by_synthesis.attacks.runner import AttackCell, Evaluation
from analysis_by_synthesis.attacks.verify import is_adversarial
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.files import ATTACKS, read_records
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.work import Work

BIM = {
    "label": "",
    "iterations": 10,
    "relative_step": 1 / 6,
    "first_budget": 0.3,
    "growth": 1.5,
    "growths": 10,
    "bisections": 15,
}
POINTWISE = {"starts": 1, "repetitions": 2, "levels": 50, "narrowing": 1.2, "bisections": 12, "least_gain": 0.01}
EVALUATION = Evaluation(chunk_size=4, kept=3, overshoots=[1.0, 1.001, 1.01])


class TwoPlanes(nn.Module):
    """Class 1 where w.x > b, else class 0: the distance to the boundary is |w.x - b| / ||w||_q."""

    def __init__(self, offset: float = 40.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("w", torch.randn(784, generator=generator) + 0.2)
        self.register_buffer("b", self.w.sum() / 2 + offset)

    def forward(self, x):
        score = x.flatten(1) @ self.w - self.b
        return torch.stack([-score, score], 1) / 10

    def optimum(self, x, norm):
        dual = self.w.norm() if norm == "l2" else self.w.abs().sum()
        return (x.flatten(1) @ self.w - self.b).abs() / dual


class BrightPixels(nn.Module):
    """Class 1 where at least `count` pixels are above 0.5: the L0 distance of a dark image is `count`."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x):
        bright = (x > 0.5).flatten(1).sum(1).float()
        return torch.stack([bright * 0 + self.count - 0.5, bright], 1)


def grey_images(n, seed=1):
    """Far from the edges of the pixel box, so that it doesn't matter."""
    return 0.5 + 0.1 * (torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)) - 0.5)


def smallest(model, attack, settings, images):
    labels = model(images).argmax(1)
    recorder = Recorder(model, images, labels, settings.norm)
    torch.manual_seed(0)
    attack(recorder, images, labels, settings)
    for sample in recorder.best_distance.isfinite().nonzero()[:, 0].tolist():
        best, clean = recorder.closest(sample)[0][None], images[sample : sample + 1]
        assert is_adversarial(model, best, labels[sample : sample + 1]).all()
        torch.testing.assert_close(distance(best, clean, settings.norm)[0], recorder.best_distance[sample])
    return recorder


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize(
    ("module", "settings", "ratio"),
    [
        (fast_gradient, {"norm": "l2", "steps": 1000, "finer_steps": 20}, 1.06),
        (fast_gradient, {"norm": "linf", "steps": 1000, "finer_steps": 20}, 1.06),
        (basic_iterative, {"norm": "l2", **BIM}, 1.001),
        (basic_iterative, {"norm": "linf", **BIM}, 1.001),
        (deepfool, {"norm": "l2", "steps": 20, "overshoot": 0.02}, 1.03),
        (deepfool, {"norm": "linf", "steps": 20, "overshoot": 0.02}, 1.03),
    ],
)
def test_gradient_attacks_reach_the_boundary_of_a_linear_model(module, settings, ratio, n):
    model, images = TwoPlanes(), grey_images(n)
    recorder = smallest(model, module.attack, module.Settings(**({"label": ""} | settings)), images)
    optimum = model.optimum(images, settings["norm"])
    assert (recorder.best_distance >= optimum * (1 - 1e-4)).all()
    assert (recorder.best_distance <= optimum * ratio).all()


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
    settings = pointwise.Settings(label="", norm="l0", **POINTWISE)
    recorder = smallest(BrightPixels(count), pointwise.attack, settings, torch.zeros(3, 1, 28, 28))
    assert recorder.best_distance.tolist() == [count] * 3


def test_pointwise_bisects_each_pixel_for_l2():
    settings = pointwise.Settings(label="", norm="l2", **POINTWISE)
    recorder = smallest(BrightPixels(4), pointwise.attack, settings, torch.zeros(2, 1, 28, 28))
    torch.testing.assert_close(recorder.best_distance, torch.ones(2), atol=2e-3, rtol=0)  # 4 pixels of 0.5


def test_noise_finds_an_adversarial():
    settings = salt_and_pepper.Settings(label="", norm="l0", levels=100, repetitions=3, narrowing=1.2)
    pepper = smallest(BrightPixels(20), salt_and_pepper.attack, settings, torch.zeros(5, 1, 28, 28))
    assert (pepper.best_distance >= 20).all() and (pepper.best_distance < 120).all()
    settings = gaussian_noise.Settings(label="", norm="l2", levels=50)
    assert (
        smallest(BrightPixels(20), gaussian_noise.attack, settings, torch.zeros(5, 1, 28, 28))
        .best_distance.isfinite()
        .all()
    )


def test_an_attack_without_success_records_none():
    settings = salt_and_pepper.Settings(label="", norm="l0", levels=10, repetitions=1, narrowing=1.2)
    recorder = smallest(BrightPixels(785), salt_and_pepper.attack, settings, torch.zeros(2, 1, 28, 28))
    assert recorder.best_distance.isinf().all()
    assert recorder.queries.tolist() == [10, 10]
    settings = pointwise.Settings(label="", norm="l0", **POINTWISE)
    assert (
        smallest(BrightPixels(785), pointwise.attack, settings, torch.zeros(2, 1, 28, 28)).best_distance.isinf().all()
    )


def test_the_recorder_keeps_the_closest_of_all_queries():
    model = BrightPixels(1)
    images = torch.zeros(2, 1, 28, 28)
    recorder = Recorder(model, images, torch.zeros(2, dtype=torch.long), "l2")
    for value in (0.9, 0.6, 0.8, 0.4):
        x = images.clone()
        x[1, 0, 0, 0] = value
        recorder(x)
    assert recorder.best_distance.tolist() == [torch.inf, pytest.approx(0.6)]
    recorder(torch.full((1, 1, 28, 28), 0.51), torch.tensor([0]))
    assert recorder.best_distance[0] == pytest.approx(0.51 * 28)
    assert recorder.queries.tolist() == [5, 4]
    assert [image.max().item() for image in recorder.closest(1)] == [pytest.approx(0.6)]


def test_the_recorder_never_takes_the_clean_image_for_an_adversarial():
    images = torch.zeros(1, 1, 28, 28)
    recorder = Recorder(BrightPixels(0), images, torch.zeros(1, dtype=torch.long), "l2", kept=2)
    for value in (0.0, 0.9, 0.6, 0.7, 0.55):
        recorder(torch.full_like(images, value))
    assert [image.max().item() for image in recorder.closest(0)] == pytest.approx([0.55, 0.6])


def test_only_valid_images_are_adversarial():
    images = torch.zeros(4, 1, 28, 28)
    images[0, 0, 0, 0], images[1, 0, 0, 0], images[2, 0, 0, 0] = 1.0, 1.1, torch.nan
    assert is_adversarial(BrightPixels(1), images, torch.zeros(4, dtype=torch.long)).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_binary_adversarials_shrink_without_changing_their_binarisation():
    generator = torch.Generator().manual_seed(0)
    images, adversarials = (torch.rand(6, 1, 28, 28, generator=generator) for _ in range(2))
    shrunk = onto_grid(shrink_binary(images, adversarials))
    assert torch.equal(binarize(shrunk), binarize(adversarials))
    changed = binarize(images) != binarize(adversarials)
    torch.testing.assert_close(shrunk[~changed], onto_grid(images)[~changed])
    torch.testing.assert_close((shrunk - images)[changed].abs(), (images - 0.5)[changed].abs(), atol=3e-5, rtol=0)


def test_mnists_grey_levels_can_be_stored():
    levels = torch.arange(256) / 255
    assert torch.equal(onto_grid(levels), levels)


def run_noise(model, images, work):
    settings = gaussian_noise.Settings(label="", norm="l2", levels=100)
    labels = model(images).argmax(1)
    labels[2] = 1 - labels[2]  # misclassified already
    cell = AttackCell(model, False, gaussian_noise.attack, settings, EVALUATION)
    return cell.run(images, labels, 3, work, "test")


def test_records_are_complete_and_verified(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, images = TwoPlanes(offset=3.0), onto_grid(grey_images(6))
    records = run_noise(model, images, Work("records", [], []))
    assert records["index"].tolist() == list(range(6))
    assert records["clean_correct"].tolist() == [True, True, False, True, True, True]
    assert [records[norm][2] for norm in ("l0", "l2", "linf")] == [0, 0, 0]
    assert records["success"].all()
    assert is_adversarial(model, records["adversarial"], records["label"]).all()
    torch.testing.assert_close(distance(records["adversarial"], images, "l2"), records["l2"])
    assert (records["queries"][records["clean_correct"]] > 0).all() and records["queries"][2] == 0

    write_attack("cell", records)
    assert torch.equal(read_adversarials("cell"), records["adversarial"])
    assert read_records(ATTACKS / "cell.csv")["l2"].to_numpy() == pytest.approx(records["l2"].numpy(), rel=1e-5)


def test_finished_chunks_are_not_computed_again_and_change_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, images = TwoPlanes(offset=3.0), grey_images(6)
    whole = run_noise(model, images, Work("whole", [], []))
    first = run_noise(model, images[:4], Work("parts", [], []))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    again = run_noise(model, images, Work("parts", [], []))
    assert len(calls) > 0
    for key in set(whole) - {"seconds"}:
        assert torch.equal(whole[key], again[key])
        assert torch.equal(whole[key][:4], first[key])
    calls.clear()
    run_noise(model, images, Work("parts", [], []))
    assert len(calls) == 1  # to make the labels


def test_where_the_arbiter_refuses_the_closest_a_later_one_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Strict(BrightPixels):
        def arbitrate(self, x):
            return self((x > 0.65).float())

    def attack(recorder, images, labels, settings):
        for value in (0.9, 0.7, 0.6):
            x = images.clone()
            x[:, 0, 0, 0] = value
            recorder(x)

    settings = gaussian_noise.Settings(label="", norm="l2", levels=1)
    cell = AttackCell(Strict(1), False, attack, settings, EVALUATION)
    records = cell.run(torch.zeros(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), 0, Work("strict", [], []), "test")
    assert records["success"].all() and not records["rejected"].any()
    assert records["l2"].tolist() == pytest.approx([0.7, 0.7], abs=1e-4)


def test_an_adversarial_that_the_arbiter_rejects_does_not_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Undecided(TwoPlanes):
        def arbitrate(self, x):
            return super().forward(grey_images(len(x)))

    records = run_noise(Undecided(offset=3.0), grey_images(6), Work("rejected", [], []))
    attacked = records["clean_correct"]
    assert attacked.sum() == 5
    assert not records["success"][attacked].any() and records["rejected"][attacked].all()
    assert records["l2"][attacked].isinf().all()
