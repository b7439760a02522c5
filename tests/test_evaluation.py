"""How attacks are recorded, verified, stored and resumed."""

import pytest
import torch
from toy_models import BrightPixels, TwoPlanes, grey_images

from analysis_by_synthesis.attacks import gaussian_noise
from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.attacks.estimated_gradient import EstimatedGradient, jacobian
from analysis_by_synthesis.attacks.recorder import Recorder, Resources
from analysis_by_synthesis.data.mnist import dataset
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation import cell
from analysis_by_synthesis.evaluation.postprocess import shrink_binary
from analysis_by_synthesis.evaluation.records import onto_grid, read_adversarials, write_attack
from analysis_by_synthesis.evaluation.runner import AttackCell, chunks, seed_of, together
from analysis_by_synthesis.evaluation.verify import is_adversarial, verify
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.models.nearest_neighbor import NearestNeighbor
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import read_records
from analysis_by_synthesis.pipeline.work import Work

EVALUATION = Evaluation(
    chunk_size=4, start_images=1, candidates=3, milestone=0.9, overshoots=[1.0, 1.001, 1.01], margin=1e-3
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
    recorder = Recorder(BrightPixels(0), images, torch.zeros(1, dtype=torch.long), "l2", candidates=2)
    for value in (0.0, 0.9, 0.6, 0.7, 0.55):
        recorder(torch.full_like(images, value))
    assert [image.max().item() for image in recorder.closest(0)] == pytest.approx([0.55, 0.6])


def test_milestones_are_kept_beside_the_last_improvements():
    images = torch.zeros(1, 1, 28, 28)
    labels = torch.zeros(1, dtype=torch.long)
    recorder = Recorder(BrightPixels(1), images, labels, "l2", candidates=2, milestone=0.9)
    for value in (0.9, 0.8, 0.76, 0.75, 0.74, 0.7, 0.69):
        x = images.clone()
        x[0, 0, 0, 0] = value
        recorder(x)
    assert [image.max().item() for image in recorder.closest(0)] == pytest.approx([0.69, 0.7, 0.7, 0.8])


def test_of_inputs_that_are_stored_alike_one_is_kept_and_the_closest_as_stored_is_the_first():
    images = torch.zeros(1, 1, 28, 28)
    recorder = Recorder(BrightPixels(1), images, torch.zeros(1, dtype=torch.long), "l2", 16, stored=shrink_binary)
    for pixels, value in ((2, 0.99), (2, 0.98), (1, 0.9), (2, 0.6), (1, 0.8)):
        x = images.clone()
        x[0, 0, 0, :pixels] = value
        recorder(x)
    assert recorder.best_distance.tolist() == [pytest.approx(0.8)]
    assert [int((image > 0).sum()) for image in recorder.closest(0)] == [1, 2]


def test_an_input_that_is_not_an_image_harms_no_other():
    images = torch.zeros(3, 1, 28, 28)
    recorder = Recorder(BrightPixels(1), images, torch.zeros(3, dtype=torch.long), "l2")
    x = images.clone()
    x[0, 0, 0, 0], x[1, 0, 0, 0], x[2, 0, 0, 0] = torch.nan, 1.7, 0.6
    recorder(x)
    assert recorder.best_distance.tolist() == [torch.inf, 1, pytest.approx(0.6)]


def test_the_recorder_counts_zero_gradients():
    class HalfBlind(Classifier):
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
    logits, probes = EstimatedGradient(model, step)(estimate, torch.arange(2))
    assert probes.tolist() == [2 * 784] * 2
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
    moved = torch.stack([images[0], 1 - images[1]])
    for x in (moved, images, moved):  # where a sample has begun, and where it was last
        recorder(x.clone().requires_grad_())
    assert recorder.queries.tolist() == [1568 + 6, 2 * 1568 + 6]


def test_a_binary_model_is_asked_once_about_images_that_binarise_alike():
    class Binary(BrightPixels):
        binary, asked = True, 0

        def forward(self, x):
            self.asked += len(x)
            return super().forward(x)

    model, generator = Binary(2), torch.Generator().manual_seed(0)
    recorder = Recorder(model, torch.zeros(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), "l0")
    two_bright, grey = torch.zeros(2, 1, 28, 28), torch.zeros(2, 1, 28, 28)
    two_bright[:, :, 0, :2], two_bright[1, :, 3, 3] = 0.9, 0.2
    grey[...] = 0.4
    for _ in range(3):
        two_bright += 0.01 * torch.rand(two_bright.shape, generator=generator)
        assert recorder.is_adversarial(two_bright).tolist() == [True, True]
        assert recorder.is_adversarial(grey[:1], torch.tensor([1])).tolist() == [False]
    assert recorder.is_adversarial(two_bright[[1]], torch.tensor([0])).tolist() == [True]
    assert model.asked == 3
    assert recorder.queries.tolist() == [4, 6]
    recorder(two_bright.clone().requires_grad_())
    assert model.asked == 5  # gradients are always asked for


def test_nearest_neighbor_looks_nearby_as_it_does_anywhere():
    generator = torch.Generator().manual_seed(0)
    model = NearestNeighbor(torch.rand(200, 1, 28, 28, generator=generator), torch.arange(200) % 10)
    x = torch.rand(1, 1, 28, 28, generator=generator)
    images = (x + 0.3 * torch.rand(5, 1, 28, 28, generator=generator)).clamp(0, 1)
    torch.testing.assert_close(model.nearby(x)(images), model(images))
    torch.testing.assert_close(jacobian(model.nearby(x), x, 0.1), jacobian(model, x, 0.1), atol=2e-4, rtol=0)


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


@pytest.mark.parametrize("pixels", [1, 2, 30])
def test_nearest_neighbor_follows_changes_of_single_pixels_exactly(pixels):
    """Far from the origin in L2, near in its pixels; and images between two references of different classes."""
    generator = torch.Generator().manual_seed(pixels)
    references = (torch.rand(3000, 1, 28, 28, generator=generator) > 0.9).float()
    model = NearestNeighbor(references, torch.arange(3000) % 10)
    following, rows = model.follow(3), torch.tensor([2, 0])
    x = references[[5, 6]].flatten(1).clone()
    for step in range(250):
        for image in x:
            chosen = torch.randint(784, (pixels,), generator=generator)
            image[chosen] = torch.rand(pixels, generator=generator).round(decimals=step % 2)
        asked = x.view(2, 1, 28, 28)
        if step % 50 == 49:
            asked = references[[5, 6]].lerp(references[[17, 28]], 0.5) + 1e-7 * (step % 4)
        decided, expected = following(asked, rows), model(asked)
        assert torch.equal(decided.argmax(1), expected.argmax(1))
        assert torch.equal(decided.amax(1), expected.amax(1)) and (decided <= expected + 1e-5).all()


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


ORDER = [5, 2, 0, 3, 1, 4, 6, 7]


def run(model, images, tmp_path, n=6, labels=None, attack=None, levels=100, chunk_size=4):
    settings = gaussian_noise.Settings(norm="l2", levels=levels)
    if labels is None:
        labels = model(images).argmax(1)
        labels[2] = 1 - labels[2]  # misclassified already
    evaluation = EVALUATION.model_copy(update={"chunk_size": chunk_size})
    attack = gaussian_noise.Attack(settings) if attack is None else attack(settings)
    cell = AttackCell(model, attack, evaluation, Resources(images[:0], labels[:0], {}), images, labels)
    pieces = chunks([i for i in ORDER if i < len(images)], n, chunk_size, 3, cell.chunk)
    return together(Work(Checkpoints("test", {}, {}, [], tmp_path), pieces, n, "test").all(), n)


def test_records_are_complete_and_verified(tmp_path):
    model, images = TwoPlanes(offset=3.0), onto_grid(grey_images(8))
    records = run(model, images, tmp_path)
    assert records["image"].tolist() == ORDER[:6]
    assert records["clean_correct"].tolist() == [True, False, True, True, True, True]
    assert [records[norm][1] for norm in ("l0", "l2", "linf")] == [0, 0, 0]
    assert records["success"].all()
    again = verify(model, images[ORDER[:6]], records["adversarial"], records["label"])
    assert all(torch.equal(records[name], column) for name, column in again.items())
    torch.testing.assert_close(distance(records["adversarial"], images[ORDER[:6]], "l2"), records["l2"])
    assert (records["queries"][records["clean_correct"]] > 0).all() and records["queries"][1] == 0

    write_attack(tmp_path / "cell", records)
    assert torch.equal(read_adversarials(tmp_path / "cell"), records["adversarial"])
    assert read_records(tmp_path / "cell.csv")["l2"].to_numpy() == pytest.approx(records["l2"].numpy(), rel=1e-5)
    files = [(tmp_path / f"cell.{suffix}").read_bytes() for suffix in ("csv", "npz")]
    write_attack(tmp_path / "cell", run(model, images, tmp_path / "again"))
    assert [(tmp_path / f"cell.{suffix}").read_bytes() for suffix in ("csv", "npz")] == files


def asked(model):
    """How often the model has been asked from now on."""
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_a_larger_n_computes_only_the_new_chunks_and_changes_nothing(tmp_path):
    model, images = TwoPlanes(offset=3.0), grey_images(8)
    labels = model(images).argmax(1)
    whole = run(model, images, tmp_path / "whole", n=8, labels=labels)
    for n in (3, 4):
        part = run(model, images, tmp_path / "parts", n=n, labels=labels)
        assert all(torch.equal(whole[key][:n], part[key]) for key in whole)
    calls = asked(model)
    run(model, images, tmp_path / "parts", n=2, labels=labels)
    assert not calls  # chunks are whole, and the first one is finished
    again = run(model, images, tmp_path / "parts", n=8, labels=labels)
    assert calls and all(torch.equal(whole[key], again[key]) for key in whole)
    calls.clear()
    run(model, images, tmp_path / "parts", n=6, labels=labels)
    assert not calls


def test_a_damaged_chunk_is_computed_again(tmp_path, caplog):
    model, images = TwoPlanes(offset=3.0), grey_images(8)
    whole = run(model, images, tmp_path)
    next(tmp_path.rglob("*.pt")).write_bytes(b"junk")
    assert all(torch.equal(column, whole[key]) for key, column in run(model, images, tmp_path).items())
    assert "can't be read" in caplog.text


def test_every_chunk_has_a_seed_of_its_own():
    seeds = {seed_of(seed, images) for seed in (0, 1, 11) for images in ([1], [1, 2], [12], [2, 1], [500], [1500])}
    assert len(seeds) == 18


def towards(*values):
    """An attack that asks for images with one pixel changed to these values, in turn."""

    class Towards(Attack):
        def run(self, recorder):
            for value in values:
                x = recorder.images.clone()
                x[:, 0, 0, 0] = value
                recorder(x)

    return Towards


def test_records_say_what_the_attack_left_and_what_its_first_difference_step_did():
    """Shrunk to the threshold of the binarisation, both 0.9 and 0.7 are 0.5."""

    class ByStep(Attack):
        def run(self, recorder):
            x = recorder.images.clone()
            x[:, 0, 0, 0] = 0.9 if recorder.estimate.step == 0.1 else 0.7
            recorder(x)

    class Binary(BrightPixels):
        binary = True

    settings = gaussian_noise.Settings(norm="l2", levels=1, difference_steps=[0.1, 0.5])
    images, labels = torch.zeros(2, 1, 28, 28), torch.tensor([0, 1])
    cell = AttackCell(Binary(1), ByStep(settings), EVALUATION, Resources(images[:0], labels[:0], {}), images, labels)
    records = cell.chunk([0, 1], 0)
    assert records["found"].tolist() == pytest.approx([0.7, 0]) and records["l2"].tolist() == pytest.approx(
        [0.5, 0], abs=1e-4
    )
    assert records["first_step"].tolist() == pytest.approx([0.5, 0], abs=1e-4)


def test_where_the_arbiter_refuses_all_that_the_second_difference_step_has_found_the_first_one_counts():
    class Strict(BrightPixels):
        def arbitrate(self, x):
            return self((x > 0.75).float())

    class InTurn(Attack):
        def run(self, recorder):
            for value in (0.8,) if recorder.estimate.step == 0.1 else (0.7, 0.62, 0.55, 0.54, 0.53, 0.52):
                x = recorder.images.clone()
                x[:, 0, 0, 0] = value
                recorder(x)

    settings = gaussian_noise.Settings(norm="l2", levels=1, difference_steps=[0.1, 0.5])
    images, labels = torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.long)
    cell = AttackCell(Strict(1), InTurn(settings), EVALUATION, Resources(images[:0], labels[:0], {}), images, labels)
    records = cell.chunk([0], 0)
    assert records["success"].all() and not records["rejected"].any()
    assert records["l2"].item() == records["first_step"].item() == pytest.approx(0.8, abs=1e-3)


def test_where_the_arbiter_refuses_the_closest_a_later_one_counts(tmp_path):
    class Strict(BrightPixels):
        def arbitrate(self, x):
            return self((x > 0.65).float())

    images = torch.zeros(2, 1, 28, 28)
    labels = torch.zeros(2, dtype=torch.long)
    records = run(Strict(1), images, tmp_path, n=2, labels=labels, attack=towards(0.9, 0.7, 0.6))
    assert records["success"].all() and not records["rejected"].any()
    assert records["l2"].tolist() == pytest.approx([0.7, 0.7], abs=1e-4)


def test_the_nearest_image_is_confirmed_first_whichever_input_it_was_made_from(tmp_path):
    """The closest input has to be lengthened far, the next one hardly at all."""

    class Picky(BrightPixels):
        def arbitrate(self, x):
            return self((x > 0.6505).float())

    images = torch.zeros(1, 1, 28, 28)
    labels = torch.zeros(1, dtype=torch.long)
    records = run(Picky(1), images, tmp_path, n=1, labels=labels, attack=towards(0.9, 0.651, 0.645))
    assert records["l2"].item() == pytest.approx(0.651, abs=1e-4)  # 1.01 x 0.645 is 0.6515


def test_a_binary_model_is_asked_once_about_each_binarisation(tmp_path):
    class Binary(BrightPixels):
        binary = True
        asked = 0

        def arbitrate(self, x):
            self.asked += len(x)
            return self(torch.zeros_like(x))

    model, images = Binary(1), torch.zeros(1, 1, 28, 28)
    run(model, images, tmp_path, n=1, labels=torch.zeros(1, dtype=torch.long), attack=towards(0.9, 0.8, 0.7))
    assert model.asked == 1 + 1 + 1  # the clean image, the one candidate, the verification


def test_an_adversarial_that_the_arbiter_rejects_does_not_count(tmp_path):
    class Undecided(TwoPlanes):
        def arbitrate(self, x):
            return super().forward(grey_images(len(x)))

    records = run(Undecided(offset=3.0), grey_images(6), tmp_path)
    attacked = records["clean_correct"]
    assert attacked.sum() == 5
    assert not records["success"][attacked].any() and records["rejected"][attacked].all()
    assert records["l2"][attacked].isinf().all()


def test_a_chunk_without_anything_to_attack_has_records_too(tmp_path):
    class Telling(Attack):
        def run(self, recorder):
            recorder(recorder.images)
            return {"told": torch.ones(len(recorder.labels))}

    model, images = TwoPlanes(offset=3.0), grey_images(8)
    labels = model(images).argmax(1)
    labels[ORDER[4:]] = 1 - labels[ORDER[4:]]
    records = run(model, images, tmp_path, n=8, labels=labels, attack=Telling)
    assert records["told"].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_an_attack_that_asks_nothing_is_named(tmp_path):
    class Idle(Attack):
        def run(self, recorder):
            pass

    with pytest.raises(UserError, match=r"Idle\(.*\) has asked the model nothing"):
        run(TwoPlanes(offset=3.0), grey_images(8), tmp_path, attack=Idle)


def test_checkpoints_have_one_key_for_one_thing(tmp_path):
    """Seed 1 with 1500 images is not seed 11 with 500, and a file's name counts."""

    def folder(parameters=(), inputs=(), code=()):
        return Checkpoints("stage", dict(code), dict(parameters), inputs, tmp_path).folder

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("content")
    different = [
        folder({"seed": 1, "n": 1500}), folder({"seed": 11, "n": 500}), folder({"seed": 1}), folder({"n": 1}),
        folder(inputs=[tmp_path / "a"]), folder(inputs=[tmp_path / "b"]), folder(inputs=[tmp_path / "a", tmp_path / "b"]),
        folder(code={"attacks.fgm": "1"}), folder(code={"attacks.fgm": "2"}), folder(code={"attacks.bim": "1"}),
    ]  # fmt: skip
    assert len(set(different)) == len(different)
    (tmp_path / "a" / "a").write_text("other")
    assert folder(inputs=[tmp_path / "a"]) not in different


def test_an_interrupted_transfer_does_not_go_on_with_another_substitute(tmp_path, monkeypatch):
    """Its pieces depend on all models that it asks for."""
    inputs = []

    def checkpoints(stage, code, parameters, paths, folder):
        inputs.extend(paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(cell, "Checkpoints", checkpoints)
    experiment = cell.Experiment(seed=0, order=0, evaluation=EVALUATION)

    class Needy(gaussian_noise.Settings):
        needs = ("substitute",)

    with pytest.raises(KeyboardInterrupt):
        attack = gaussian_noise.Attack(Needy(norm="l2", levels=1))
        next(experiment.run(tmp_path / "models/cnn", attack, 1, {}, tmp_path / "cell", dataset(tmp_path), tmp_path))
    assert [path.name for path in inputs] == ["cnn", "substitute", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
