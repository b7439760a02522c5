"""Bounds over boxes of latents, on decoders that nobody had to train."""

import pytest
import torch
from toy_decoders import toy_decoders

from analysis_by_synthesis.bounds.boxes import (
    Box,
    Enclosure,
    Layers,
    Margin,
    affine,
    descend,
    halved,
    interval,
    mean_value,
    pulled_back,
    squares_below,
)

pytestmark = pytest.mark.usefixtures("single_thread")
METHODS = (interval, mean_value, affine, pulled_back)
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def layers():
    return [Layers(decoder, torch.float64) for decoder in toy_decoders(2)]


@pytest.fixture(scope="module", params=[0.0, 1.5])
def margin(layers, request):
    """Of an image that the first decoder explains well."""
    torch.manual_seed(0)
    z = torch.randn(1, 8, dtype=torch.float64)
    own = layers[0].logits(z).sigmoid()[0]
    x = (own + 0.05 * torch.randn(784)).clamp(0, 1)
    return Margin(x, own, (own - x).square().sum() + z.square().sum() / 2, request.param)


def boxes(radius):
    torch.manual_seed(1)
    center = torch.randn(6, 8, dtype=torch.float64)
    return Box(center, radius * torch.rand(6, 8, dtype=torch.float64))


def points():
    """Of [-1, 1]^8: inside, and corners."""
    torch.manual_seed(2)
    inside = 2 * torch.rand(8, 6, 8, dtype=torch.float64) - 1
    return torch.cat([inside, inside.sign()])


def test_layers_are_the_decoder():
    decoder = toy_decoders(1)[0]
    z = torch.randn(5, 8)
    images = Layers(decoder).logits(z).sigmoid()
    torch.testing.assert_close(images, decoder(z).flatten(1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [1e-5, 0.2, 1.0])
def test_enclosures_hold_the_logits(layers, method, radius):
    box = boxes(radius)
    found = method(layers[1], box)
    torch.manual_seed(3)
    weights = torch.randn(6, 784, dtype=torch.float64)
    for d in points():
        rest = layers[1].logits(box.center + box.radius * d) - found.center - (found.linear @ d[:, :, None])[..., 0]
        assert (rest.abs() <= found.error + ROUNDING).all()
        assert ((weights * rest).sum(1).abs() <= found.error_of(weights) + 1e-6).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [1e-5, 0.2, 1.0])
def test_margin_is_bounded_from_below(layers, margin, method, radius):
    box = boxes(radius)
    bound = margin.below(method(layers[1], box), box)
    for d in points():
        assert (bound <= margin.at(layers[1], box.center + box.radius * d) + 1e-6).all()


def test_bound_of_a_tiny_box_is_the_margin(layers, margin):
    box = boxes(1e-5)
    torch.testing.assert_close(
        margin.below(pulled_back(layers[1], box), box), margin.at(layers[1], box.center), atol=0.01, rtol=0
    )


def test_squares_are_bounded_for_all_kinds_of_intervals():
    torch.manual_seed(4)
    center, error = 6 * torch.randn(50, 784, dtype=torch.float64), 8 * torch.rand(50, 784, dtype=torch.float64)
    target = 1.5 * torch.rand(784, dtype=torch.float64) - 0.25
    found = Enclosure.apart(center, torch.zeros(50, 784, 8, dtype=torch.float64), error)
    slope, value, constant = squares_below(found, target)
    for share in torch.linspace(-1, 1, 41, dtype=torch.float64):
        square = ((center + share * error).sigmoid() - target).square()
        assert (value + slope * share * error <= square + ROUNDING).all()
        assert (constant <= square + ROUNDING).all()


def test_errors_of_affine_forms_are_of_second_order(layers):
    box = boxes(0.02)
    half = Box(box.center, box.radius / 2)
    assert affine(layers[1], half).error.mean() < 0.35 * affine(layers[1], box).error.mean()
    assert affine(layers[1], box).error.mean() < mean_value(layers[1], box).error.mean()
    weights = torch.ones(6, 784, dtype=torch.float64)
    assert (pulled_back(layers[1], box).error_of(weights) < affine(layers[1], box).error_of(weights)).all()


def test_beyond_the_ball_the_margin_is_positive(layers, margin):
    z = torch.nn.functional.normalize(torch.randn(200, 8, dtype=torch.float64)) * margin.ball * 1.0001
    assert (margin.at(layers[1], z) > 0).all()


def test_descents_end_where_branch_and_bound_does():
    own, other = (Layers(decoder, torch.float64) for decoder in toy_decoders(2, active_latents=2))
    torch.manual_seed(5)
    x = own.logits(torch.randn(1, 8, dtype=torch.float64)).sigmoid()[0]
    easy = Margin(x, x, torch.tensor(0.0, dtype=torch.float64), 0.5)
    hardly = 0.85 * easy.at(other, 2 * torch.rand(200, 8, dtype=torch.float64)).amin()
    margin = Margin(x, x, hardly, 0.5)
    waiting, ends = Box(*torch.ones(2, 1, 8, dtype=torch.float64)), []
    while len(waiting.center):
        found = pulled_back(other, waiting)
        left = margin.below(found, waiting) <= 0
        ends.append(Box(waiting.center[~left], waiting.radius[~left]))
        halves = [halved(found, waiting, waiting.center + side * waiting.radius) for side in (-1, 1)]
        waiting = Box(*(torch.cat([getattr(half, part)[left] for half in halves]) for part in ("center", "radius")))
    center, radius = (torch.cat([getattr(end, part) for end in ends]) for part in ("center", "radius"))
    assert len(center) > 2
    torch.testing.assert_close(radius.prod(1).sum(), torch.tensor(1.0, dtype=torch.float64))
    box, bounded = descend(other, margin, center, 1.0, 0.0)
    torch.testing.assert_close(box.center, center)
    torch.testing.assert_close(box.radius, radius)
    assert bounded == len(center) - int(radius.log2().sum())
