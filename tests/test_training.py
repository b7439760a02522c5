import copy
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from analysis_by_synthesis.networks import cifar_cnn, cifar_vae, substitute
from analysis_by_synthesis.networks.cnn import CNN
from analysis_by_synthesis.networks.madry import Madry
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import load_weights, save_weights
from analysis_by_synthesis.params.augmentation import Augmentation
from analysis_by_synthesis.params.models.trained import Config
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.training import classifier, vae
from analysis_by_synthesis.training.augmentation import augment
from analysis_by_synthesis.training.pgd import pgd

VAE_SETTINGS = vae.VAETraining(
    epochs=4, batch_size=8, max_learning_rate=0.01, warm_up_share=0.3,
    kl_weight_start=10, kl_weight_end=1, kl_annealing_epochs=2,
)  # fmt: skip
PGD_SETTINGS = classifier.ClassifierTraining(
    recipe="test", epochs=3, batch_size=8, max_learning_rate=0.01, warm_up_share=0.3,
    adversary=classifier.Adversary(epsilon=0.3, step_size=0.2, steps=2, warm_up_epochs=1.0),
)  # fmt: skip


@pytest.fixture
def images():
    return torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_shapes(images):
    network = VAE().eval()
    mean, log_variance = network.encoder(images)
    assert mean.shape == log_variance.shape == (20, 8)
    assert network.decoder(mean).shape == images.shape
    assert CNN()(images).shape == Madry()(images).shape == (20, 10)


def test_shapes_of_two_class_cifar():
    images, network = torch.rand(3, 3, 32, 32), cifar_vae.build().eval()
    mean, log_variance = network.encoder(images)
    assert mean.shape == log_variance.shape == (3, 20)
    assert network.decoder(mean).shape == images.shape
    assert cifar_cnn.build()(images).shape == (3, 2)


def test_augmented_images_are_parts_of_the_image_or_of_its_mirror_image():
    torch.manual_seed(0)
    images = torch.rand(40, 3, 6, 6)
    mirrored, still = 0, 0
    for x, image in zip(augment(images, Augmentation(shift=1)), images, strict=True):
        whole = torch.nn.functional.pad(torch.stack([image, image.flip(2)]), (1,) * 4)
        parts = whole.unfold(2, 6, 1).unfold(3, 6, 1).permute(0, 2, 3, 1, 4, 5)  # 2 x 3 x 3 images
        ((flipped, row, column),) = (parts == x).flatten(3).all(3).nonzero().tolist()
        mirrored, still = mirrored + flipped, still + (row == column == 1)
    assert 10 < mirrored < 30 and 0 < still < 15


def test_held_out_images_are_random_and_never_trained_on():
    images = torch.arange(50.0).view(50, 1, 1, 1)
    kept, held_out = vae.parted(images, 10, seed=0)
    assert len(held_out) == 10 and torch.cat([kept, held_out]).flatten().sort().values.equal(torch.arange(50.0))
    assert not held_out.equal(images[:10]) and not held_out.equal(vae.parted(images, 10, seed=1)[1])
    assert vae.parted(images, 0, seed=0)[0].equal(images)


def test_kl_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(5, 8), torch.randn(5, 8)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(vae.kl_divergence(mean, log_variance), expected)


def test_reconstruction_error_is_the_likelihood_at_variance_one_half(images):
    other = images.flip(0)
    normal = Normal(other, 0.5**0.5)
    difference = (normal.log_prob(other) - normal.log_prob(images)).sum((1, 2, 3))
    torch.testing.assert_close(vae.reconstruction_error(images, other), difference)


def test_kl_weight_falls_to_its_end_and_stays():
    for end, halfway in ((1, 5.5), (0.5, 5.25)):
        settings = VAE_SETTINGS.model_copy(update={"kl_annealing_epochs": 50, "kl_weight_end": end})
        assert [vae.kl_weight(epoch, settings) for epoch in (0, 25, 50, 70)] == [10, halfway, end, end]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


class InterruptionError(Exception):
    pass


def train_vae(images, checkpoints, network=VAE, settings=VAE_SETTINGS):
    torch.manual_seed(0)
    return vae.train(network(), images, settings, 0, checkpoints, "test")


def interrupt_after(kept, epochs):
    """Let the training keep so many epochs, then break it off as Ctrl-C would."""
    keep = kept.keep

    def keep_or_stop(parts, history, seconds):
        keep(parts, history, seconds)
        if len(history) == epochs:
            raise InterruptionError

    kept.keep = keep_or_stop


@pytest.fixture
def checkpoints(tmp_path):
    """Of a stage of this name, those that an interrupted run has left."""
    return lambda stage: Checkpoints(stage, {}, {}, [], tmp_path)


def test_an_interrupted_vae_training_ends_in_the_same_weights(images, checkpoints):
    whole, history, _ = train_vae(images, checkpoints("whole"))
    broken = checkpoints("broken")
    interrupt_after(broken, 2)
    with pytest.raises(InterruptionError):
        train_vae(images, broken)
    _, kept = checkpoints("broken").resume({})
    resumed, resumed_history, seconds = train_vae(images, checkpoints("broken"))
    assert same(whole, resumed)
    assert history == resumed_history
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert seconds > kept > 0  # what was done before the interruption counts


def train_substitute(images, checkpoints):
    labels = torch.arange(20) % 10
    torch.manual_seed(0)
    return classifier.train(substitute.build(), images, labels, PGD_SETTINGS, 0, checkpoints, "substitute")[0]


def test_an_interrupted_classifier_training_ends_in_the_same_weights(images, checkpoints):
    whole = train_substitute(images, checkpoints("whole"))
    broken = checkpoints("broken")
    interrupt_after(broken, 1)
    with pytest.raises(InterruptionError):
        train_substitute(images, broken)
    assert same(whole, train_substitute(images, checkpoints("broken")))


def test_a_stage_that_is_killed_after_a_training_does_not_train_again(images, checkpoints):
    """Its outputs are written and the checkpoints discarded, but dvc.lock knows nothing of it."""
    broken = checkpoints("broken")
    made = broken.piece("trained", lambda: {"weights": train_substitute(images, broken).state_dict()})
    broken.discard()
    again = checkpoints("broken").piece("trained", pytest.fail)
    assert all(torch.equal(again["weights"][name], value) for name, value in made["weights"].items())
    assert [path.name for path in broken.folder.iterdir()] == ["trained.pt"]


def fit_substitute(images, checkpoints, **changes):
    model = Config(module="trained", network="substitute", binarize=True)
    data = SimpleNamespace(load=lambda split: (images, torch.arange(len(images)) % 10))
    settings = PGD_SETTINGS.model_copy(update=changes)
    return classifier.fit(model, data, 20, settings, 0, checkpoints, "substitute")[0]


def test_a_network_sees_the_first_training_images_as_its_model_does(images, checkpoints):
    more = torch.cat([images, 1 - images])
    assert same(
        fit_substitute(more, checkpoints("seen")), train_substitute((images > 0.5).float(), checkpoints("binarised"))
    )


def test_half_precision_rounds_the_network_to_what_its_file_holds(images, checkpoints, tmp_path):
    network = fit_substitute(images, checkpoints("half"), half_precision=True)
    assert not same(network, fit_substitute(images, checkpoints("single")))
    save_weights(copy.deepcopy(network).half(), tmp_path / "weights.safetensors")
    loaded = load_weights(substitute.build(), tmp_path / "weights.safetensors")
    assert same(network, loaded) and {each.dtype for each in loaded.parameters()} == {torch.float32}


def test_a_loss_that_is_no_number_is_reported(images, checkpoints):
    with pytest.raises(UserError, match=r"not a number in epoch 0; lower vae\.max_learning_rate"):
        train_vae(images * torch.nan, checkpoints("nan"))


def test_pgd_stays_in_the_ball_and_in_the_box(images):
    labels = torch.arange(20) % 10
    network = CNN().eval()
    adversarials = pgd(network, images, labels, epsilon=0.1, step_size=0.05, steps=3)
    assert (adversarials - images).abs().max() <= 0.1 + 1e-6
    assert adversarials.min() >= 0 and adversarials.max() <= 1
    loss = torch.nn.functional.cross_entropy
    assert loss(network(adversarials), labels) > loss(network(images), labels)


def test_weights_survive_the_disk(tmp_path):
    network = VAE()
    save_weights(network, tmp_path / "0.safetensors")
    assert same(network, load_weights(VAE(), tmp_path / "0.safetensors"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop("decoder.conv_3.bias"), r"lacks decoder\.conv_3\.bias"),
        (lambda w: w.update(extra=torch.zeros(1)), "has the unknown key extra"),
        (
            lambda w: w.update({"decoder.conv_3.weight": torch.zeros(16, 1, 3, 3)}),
            r"\(16, 1, 3, 3\) instead of \(16, 1, 4, 4\)",
        ),
        (lambda w: w["decoder.bn_0.bias"].fill_(torch.nan), r"decoder\.bn_0\.bias holds values that are not finite"),
    ],
)
def test_wrong_weights_are_refused(tmp_path, change, sentence):
    from safetensors.torch import save_file

    weights = VAE().state_dict()
    change(weights)
    save_file(weights, tmp_path / "0.safetensors")
    with pytest.raises(UserError, match=sentence):
        load_weights(VAE(), tmp_path / "0.safetensors")


def test_missing_and_damaged_weights_are_named(tmp_path):
    with pytest.raises(UserError, match="is not here"):
        load_weights(VAE(), tmp_path / "0.safetensors")
    (tmp_path / "0.safetensors").write_bytes(b"junk")
    with pytest.raises(UserError, match="is not a safetensors file"):
        load_weights(VAE(), tmp_path / "0.safetensors")
