"""ABS and Binary ABS are differentiable modules."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.abs_amortised import AmortisedABS
from analysis_by_synthesis.models.binary_abs import BinaryABS
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.pipeline.errors import UserError

pytestmark = pytest.mark.usefixtures("single_thread", "work")
CLASSES = 3
GAMMA = [1.0, 0.9, 1.1]


@pytest.fixture(scope="module")
def decoders():
    return toy_decoders(CLASSES)


@pytest.fixture(scope="module")
def images(decoders):
    return toy_images(decoders, each=2)


@pytest.fixture(scope="module")
def model(decoders):
    """Its default search is as thorough as the arbiter."""
    return ABS(decoders, toy_settings(default=toy_settings().model_dump()["arbiter"]))


def boundary_image(model, x, y):
    """Between x and y, where the class changes."""
    low, high = 0.0, 1.0
    labels = model.classify(torch.stack([x, y]))
    assert labels[0] != labels[1]
    for _ in range(12):
        middle = (low + high) / 2
        same = model.classify((x + middle * (y - x))[None])[0] == labels[0]
        low, high = (middle, high) if same else (low, middle)
    return x + low * (y - x)


def test_gradient_agrees_with_central_differences(model, images):
    """Cosine >= 0.999 for each class, on a clean image and on one at the decision boundary."""
    step, pixels = 0.03, torch.randperm(784, generator=torch.Generator().manual_seed(0))[:40]
    for x in (images[0], boundary_image(model, images[0], images[2])):
        x = x.clamp(step, 1 - step)
        shift = torch.zeros(len(pixels), 784)
        shift[range(len(pixels)), pixels] = step
        shift = shift.view(-1, 1, 28, 28)
        differences = (model(x + shift) - model(x - shift)) / (2 * step)
        for c in range(CLASSES):
            leaf = x[None].clone().requires_grad_()
            model(leaf)[0, c].backward()
            gradient = leaf.grad.flatten()[pixels]
            assert torch.cosine_similarity(gradient, differences[:, c], dim=0) >= 0.999


def test_one_backward_pass_gives_any_combination_of_gradients(model, images):
    x = images.clone().requires_grad_()
    logits = model(x)
    weights = torch.randn(logits.shape)
    (weights * logits).sum().backward()
    solution = model.inference.infer(images)
    residual = images[:, None] - model.inference.reconstruct(solution.latent)
    torch.testing.assert_close(x.grad, -2 * (weights[:, :, None, None, None] * residual).sum(1))


def test_offsets_are_taken_from_the_logits_of_every_search(decoders, images, model):
    offset = torch.tensor([0.0, 40.0, 0.5])
    shifted, rows = ABS(decoders, model.settings, offset=offset.tolist()), torch.arange(len(images))
    for expected, found in (
        (model(images), shifted(images)),
        (model.arbitrate(images), shifted.arbitrate(images)),
        (model.protocol(images), shifted.protocol(images)),
        (model.follow(len(images))(images, rows), shifted.follow(len(images))(images, rows)),
    ):
        torch.testing.assert_close(found, expected - offset)
    assert torch.equal(shifted.classify(images), shifted(images).argmax(1))


def test_logits_are_negative_distances_in_the_dtype_of_the_image(model, images):
    with torch.no_grad():
        logits = model(images)
    assert not logits.requires_grad
    assert torch.equal(logits, -model.inference.infer(images).distance)
    doubles = images.double().requires_grad_()
    model(doubles).sum().backward()
    assert doubles.grad.dtype == torch.float64
    assert model(images[:0]).shape == (0, CLASSES)


def test_second_derivatives_are_refused(model, images):
    x = images[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
    with pytest.raises(UserError, match="first derivatives only"):
        gradient.sum().backward()


def test_new_weights_are_noticed(images):
    decoders = toy_decoders(2)
    model = ABS(decoders, toy_settings())
    before = model(images)
    model.decoders[0].load_state_dict(toy_decoders(2)[1].state_dict())
    after = model(images)
    torch.testing.assert_close(after[:, 0], before[:, 1])
    assert not model.train().decoders[0].training


def test_binary_abs_sees_only_the_binarised_image(model, decoders, images):
    binary = BinaryABS(decoders, model.settings, GAMMA)
    x = images.clone().requires_grad_()
    logits = binary(x)
    binarised = (images >= 0.5).float()
    torch.testing.assert_close(logits, torch.tensor(GAMMA) * model(binarised))
    assert torch.equal(binary(binarised * 0.5 + 0.25), logits)
    logits[:, 1].sum().backward()
    leaf = binarised.clone().requires_grad_()
    model(leaf)[:, 1].sum().backward()
    torch.testing.assert_close(x.grad, 0.9 * leaf.grad)
    assert torch.equal(binary.classify(images), binary.arbitrate(images).argmax(1))


@pytest.mark.parametrize("kind", [ABS, BinaryABS])
def test_nearby_images_are_looked_at_as_any_other(model, decoders, images, kind):
    looked_at = kind(decoders, model.settings, GAMMA)
    x = images[:1].clone()
    near = x.repeat(4, 1, 1, 1)
    pixels = range(3), [300, 400, 500]
    near.flatten(1)[pixels] = 1 - near.flatten(1)[pixels].round()
    found, expected = looked_at.nearby(x)(near), looked_at(near)
    torch.testing.assert_close(found.topk(2).values, expected.topk(2).values, atol=1e-2, rtol=0)
    torch.testing.assert_close(found, expected, atol=1e-1, rtol=0)


@pytest.mark.parametrize("kind", [ABS, BinaryABS])
def test_an_attack_s_images_are_looked_at_as_any_other(model, decoders, images, kind):
    """Steps along the boundary, now and then a jump: classes, the two least distances, and gradients."""
    looked_at = kind(decoders, model.settings, GAMMA)
    following, rows = looked_at.follow(10), torch.arange(len(images)) + 2
    generator = torch.Generator().manual_seed(0)
    x, others = images, images.roll(2, 0)
    for step in range(12):
        towards = 0.5 if step % 6 == 5 else 0.03
        x = x + towards * (others - x) + 0.01 * torch.randn(x.shape, generator=generator)
        x = x.clamp(0, 1).requires_grad_(step % 3 == 2)
        logits, expected = following(x, rows), looked_at(x)
        assert torch.equal(logits.argmax(1), expected.argmax(1))
        if x.requires_grad:
            torch.testing.assert_close(logits.amax(1), expected.amax(1), atol=2e-2, rtol=0)
            (gradient,) = torch.autograd.grad(logits.topk(2, 1).values.diff().sum(), x)
            (exact,) = torch.autograd.grad(expected.topk(2, 1).values.diff().sum(), x)
            assert torch.cosine_similarity(gradient.flatten(1), exact.flatten(1)).min() > 0.999
        x = x.detach()


def test_what_follows_a_sample_does_not_depend_on_the_others(model, images):
    together, alone = model.follow(len(images)), model.follow(1)
    for step in range(4):
        x = (images + 0.02 * step).clamp(0, 1)
        torch.testing.assert_close(
            together(x, torch.arange(len(x)))[2:3], alone(x[2:3], torch.tensor([0])), atol=0, rtol=0
        )


def test_binary_abs_refuses_nan(decoders, images):
    spoilt = images.clone()
    spoilt[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        BinaryABS(decoders, toy_settings(), GAMMA)(spoilt)


def test_amortised_abs_is_the_elbo_at_the_encoders_mean():
    torch.manual_seed(0)
    vaes, x = [VAE().eval(), VAE().eval()], torch.rand(3, 1, 28, 28)
    scores = AmortisedABS(vaes)(x)
    for c, vae in enumerate(vaes):
        mean, log_variance = vae.encoder(x)
        q, prior = Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros_like(mean), 1)
        elbo = -(x - vae.decoder(mean)).square().flatten(1).sum(1) - kl_divergence(q, prior).sum(1)
        torch.testing.assert_close(scores[:, c], elbo)
