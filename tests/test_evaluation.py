"""How attacks are recorded, verified, stored and resumed."""

import pytest
import torch
from torch import nn
from toy_models import BrightPixels, TwoPlanes, grey_images

from analysis_by_synthesis.attacks import gaussian_noise
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.estimated_gradient import EstimatedGradient, jacobian
from analysis_by_synthesis.evaluation.postprocess import shrink_binary
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.records import onto_grid, read_adversarials, write_attack
from analysis_by_synthesis.evaluation.runner import AttackCell, Evaluation
from analysis_by_synthesis.evaluation.verify import is_adversarial, verify
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.files import read_records
from analysis_by_synthesis.pipeline.paths import ATTACKS
from analysis_by_synthesis.models.nearest_neighbor import NearestNeighbor
from analysis_by_synthesis.networks.binarize import binarize

EVALUATION = Evaluation(chunk_size=4, kept=3, overshoots=[1.0, 1.001, 1.01], margin=1e-3)


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


def test_an_input_that_is_not_an_image_harms_no_other():
    images = torch.zeros(3, 1, 28, 28)
    recorder = Recorder(BrightPixels(1), images, torch.zeros(3, dtype=torch.long), "l2")
    x = images.clone()
    x[0, 0, 0, 0], x[1, 0, 0, 0], x[2, 0, 0, 0] = torch.nan, 1.7, 0.6
    recorder(x)
    assert recorder.best_distance.tolist() == [torch.inf, 1, pytest.approx(0.6)]


def test_the_recorder_counts_zero_gradients():
    class HalfBlind(nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, :2] * (x.flatten(1)[:, 2:3] > 0.5)

    images = torch.zeros(2, 1, 28, 28)
    images[1, 0, 0, 2] = 1
    recorder = Recorder(HalfBlind(), images, torch.zeros(2, dtype=torch.long), "l2")
    for _ in range(3):
        x = images.clone().requires_grad_()
        recorder(x).sum().backward()
    assert recorder.zero_gradients.tolist() == [3, 0]


@pytest.mark.parametrize("step", [0.1, 0.5])
def test_estimated_gradients_of_a_linear_model_are_exact_at_the_edges_of_the_box_too(step):
    model = TwoPlanes()
    x = grey_images(2)
    x[0].flatten()[:200], x[0].flatten()[200:400] = 0, 1
    estimate, exact = x.clone().requires_grad_(), x.clone().requires_grad_()
    logits, probes = EstimatedGradient(model, step)(estimate)
    assert probes == 2 * 784
    torch.testing.assert_close(logits, model(x))
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    (weights * logits).sum().backward()
    (weights * model(exact)).sum().backward()
    torch.testing.assert_close(estimate.grad, exact.grad, atol=2e-4, rtol=1e-3)


def test_probes_are_paid_for_once():
    images = grey_images(2)
    recorder = Recorder(TwoPlanes(), images, torch.zeros(2, dtype=torch.long), "l2")
    recorder.estimate = EstimatedGradient(recorder.model, 0.1)
    for _ in range(2):
        recorder(images.clone().requires_grad_())
    recorder(images)
    assert recorder.queries.tolist() == [1568 + 3] * 2


def test_nearest_neighbor_looks_nearby_as_it_does_anywhere():
    generator = torch.Generator().manual_seed(0)
    model = NearestNeighbor(torch.rand(200, 1, 28, 28, generator=generator), torch.arange(200) % 10)
    x = torch.rand(1, 1, 28, 28, generator=generator)
    images = (x + 0.3 * torch.rand(5, 1, 28, 28, generator=generator)).clamp(0, 1)
    torch.testing.assert_close(model.nearby(x)(images), model(images))
    assert jacobian(model, x, 0.1).shape == (10, 1, 28, 28)


def test_nearest_neighbor_follows_an_attack_exactly():
    """Small steps, and a jump: the same logits, bit for bit, and gradients."""
    generator = torch.Generator().manual_seed(0)
    model = NearestNeighbor(0.2 * torch.rand(500, 1, 28, 28, generator=generator), torch.arange(500) % 10)
    following, rows = model.follow(6), torch.tensor([4, 1, 5])
    x = 0.2 * torch.rand(3, 1, 28, 28, generator=generator)
    for step in range(12):
        size = 0.5 if step == 6 else 0.01
        x = (x.detach() + size * torch.randn(x.shape, generator=generator)).clamp(0, 1).requires_grad_()
        decided, logits, expected = following(x.detach(), rows), following(x, rows), model(x)
        assert torch.equal(logits, expected)
        assert torch.equal(decided.max(1).indices, expected.argmax(1))
        assert torch.equal(decided.amax(1), expected.amax(1)) and (decided <= expected).all()
        assert torch.equal(*(torch.autograd.grad(values[:, :5].sum(), x)[0] for values in (logits, expected)))


def test_only_valid_images_are_adversarial():
    images = torch.zeros(4, 1, 28, 28)
    images[0, 0, 0, 0], images[1, 0, 0, 0], images[2, 0, 0, 0] = 1.0, 1.1, torch.nan
    assert is_adversarial(BrightPixels(1), images, torch.zeros(4, dtype=torch.long), 0.0).tolist() == [
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
    records = run_noise(model, images, Checkpoints("records", [], []))
    assert records["index"].tolist() == list(range(6))
    assert records["clean_correct"].tolist() == [True, True, False, True, True, True]
    assert [records[norm][2] for norm in ("l0", "l2", "linf")] == [0, 0, 0]
    assert records["success"].all()
    again = verify(model, images, records["adversarial"], records["label"])
    assert all(torch.equal(records[name], column) for name, column in again.items())
    torch.testing.assert_close(distance(records["adversarial"], images, "l2"), records["l2"])
    assert (records["queries"][records["clean_correct"]] > 0).all() and records["queries"][2] == 0

    write_attack("cell", records)
    assert torch.equal(read_adversarials("cell"), records["adversarial"])
    assert read_records(ATTACKS / "cell.csv")["l2"].to_numpy() == pytest.approx(records["l2"].numpy(), rel=1e-5)


def test_finished_chunks_are_not_computed_again_and_change_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, images = TwoPlanes(offset=3.0), grey_images(6)
    whole = run_noise(model, images, Checkpoints("whole", [], []))
    first = run_noise(model, images[:4], Checkpoints("parts", [], []))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    again = run_noise(model, images, Checkpoints("parts", [], []))
    assert len(calls) > 0
    for key in set(whole) - {"seconds"}:
        assert torch.equal(whole[key], again[key])
        assert torch.equal(whole[key][:4], first[key])
    calls.clear()
    run_noise(model, images, Checkpoints("parts", [], []))
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
    records = cell.run(torch.zeros(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), 0, Checkpoints("strict", [], []), "test")
    assert records["success"].all() and not records["rejected"].any()
    assert records["l2"].tolist() == pytest.approx([0.7, 0.7], abs=1e-4)


def test_an_adversarial_that_the_arbiter_rejects_does_not_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Undecided(TwoPlanes):
        def arbitrate(self, x):
            return super().forward(grey_images(len(x)))

    records = run_noise(Undecided(offset=3.0), grey_images(6), Checkpoints("rejected", [], []))
    attacked = records["clean_correct"]
    assert attacked.sum() == 5
    assert not records["success"][attacked].any() and records["rejected"][attacked].all()
    assert records["l2"][attacked].isinf().all()
