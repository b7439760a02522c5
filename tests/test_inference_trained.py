"""On the trained VAEs, the gradient of the converged search is that of D_c."""

import math
from pathlib import Path

import pytest
import torch

from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.inference import Round

ROOT = Path(__file__).parents[1]

# For every class, where the arbiter is thorough only about those that may win.
CONVERGED = [
    Round(starts=8, evaluations=5, margin=math.inf, decrease_weight=0.0),
    Round(starts=2, evaluations=40, margin=math.inf, decrease_weight=0.0),
]


@pytest.fixture(scope="module")
def engine():
    return load_model("abs", ROOT / "models").inference


@pytest.fixture(scope="module")
def images():
    return mnist.load("test", ROOT / "data" / "mnist")[0][:20]


def at_the_boundary(engine, x, y):
    """Bisect the line from x to y, images of two classes, until the arbiter changes its mind."""
    label = engine.infer(x[None], search="arbiter").distance.argmin()
    for _ in range(7):
        middle = (x + y) / 2
        x, y = (middle, y) if engine.infer(middle[None], search="arbiter").distance.argmin() == label else (x, middle)
    return x


@pytest.mark.parametrize("where", ["clean", "boundary"])
def test_gradient_of_the_two_likeliest_classes_agrees_with_central_differences(engine, images, where):
    step, x = 0.02, images[0] if where == "clean" else at_the_boundary(engine, images[0], images[1])
    x = x.clamp(step, 1 - step)
    pixels = (x.flatten() > 0.1).nonzero()[::8, 0]
    shift = torch.zeros(len(pixels), 784)
    shift[range(len(pixels)), pixels] = step
    shift = shift.view(-1, 1, 28, 28)
    solution, above, below = (engine.tournament(images, CONVERGED, 1.0) for images in (x[None], x + shift, x - shift))
    differences = (above.value - below.value) / (2 * step)
    for c in solution.value[0].topk(2, largest=False).indices:
        gradient = 2 * (x - engine.decode(int(c), solution.latent[:, c])).flatten()[pixels]
        assert torch.cosine_similarity(gradient, differences[:, c], dim=0) >= 0.999


def test_default_search_and_decisions_agree_with_the_arbiter(engine, images):
    labels = engine.infer(images, search="arbiter").distance.argmin(1)
    assert torch.equal(engine.infer(images).distance.argmin(1), labels)
    assert torch.equal(engine.classify(images), labels)


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_images_that_an_attack_moves_by_less_than_the_restart_distance_are_searched_for_as_well(images, share):
    model = load_model("abs", ROOT / "models")
    x, rows = images[:10], torch.arange(10)
    following = model.follow(10)
    following(x, rows)
    change = images[10:] - x
    change /= change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    moved = x + share * model.settings.following.restart_distance * change
    torch.testing.assert_close(following(moved, rows).amax(1), model(moved).amax(1), rtol=0, atol=1e-3)
