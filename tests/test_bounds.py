"""The paper's bounds on toy decoders, where everything is known exactly."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import nn

from analysis_by_synthesis.bounds.paper import BoundsSettings, l2_bound, linf_crossing, paper_bounds
from analysis_by_synthesis.reporting.bounds import summarise_bounds
from analysis_by_synthesis.stage import Problem

SETTINGS = BoundsSettings(images=1, steps=300, learning_rate=0.1, rounds=5)


class Linear(nn.Module):
    """G(z) = A z + m: D(x) is a quadratic with a closed form."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.a = torch.randn(784, 8, generator=generator, dtype=torch.float64) / 20
        self.m = torch.rand(784, generator=generator, dtype=torch.float64)

    def forward(self, z):
        return (z @ self.a.T + self.m).view(-1, 1, 28, 28)

    def solve(self, x):
        """The optimal latent and D for images (N, 784)."""
        target = (x - self.m) @ self.a
        z = torch.linalg.solve(2 * self.a.T @ self.a + torch.eye(8, dtype=torch.float64), 2 * target.T).T
        return z, (x - self.m - z @ self.a.T).square().sum(1) + z.square().sum(1) / 2


class Exact:
    """An inference engine for linear decoders."""

    def __init__(self, decoders):
        self.decoders = decoders

    def arbitrate(self, x):
        solutions = [decoder.solve(x.flatten(1)) for decoder in self.decoders]
        latent = torch.stack([z for z, _ in solutions], 1)
        reconstruction = torch.stack([decoder(z) for decoder, (z, _) in zip(self.decoders, solutions)], 1)
        distance = torch.stack([d for _, d in solutions], 1)
        return SimpleNamespace(latent=latent, reconstruction=reconstruction, distance=distance)


def exact_robustness(decoders, x, norm, directions=200):
    """Smallest perturbation that changes the class, by bisection along many directions: an upper bound."""
    generator = torch.Generator().manual_seed(0)
    delta = torch.randn(directions, 784, generator=generator, dtype=torch.float64)
    gap = decoders[1].m - decoders[0].m
    delta = torch.cat([delta, gap[None], gap.sign()[None]])
    delta = delta / (delta.norm(dim=1) if norm == "l2" else delta.abs().amax(1))[:, None]
    low, high = torch.zeros(len(delta), dtype=torch.float64), torch.full((len(delta),), 50.0, dtype=torch.float64)
    for _ in range(50):
        middle = (low + high) / 2
        moved = x + middle[:, None] * delta
        changed = decoders[1].solve(moved)[1] < decoders[0].solve(moved)[1]
        low, high = torch.where(changed, low, middle), torch.where(changed, middle, high)
    return high.min().item()


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_the_bounds_are_below_the_exact_robustness(norm):
    decoders = [Linear(0), Linear(1)]
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    images = decoders[0](z)
    bounds = paper_bounds(Exact(decoders), decoders, images, torch.zeros(3, dtype=torch.long), SETTINGS)
    for image, bound in zip(images.flatten(1), bounds[norm]):
        assert 0 < bound <= exact_robustness(decoders, image[None], norm)


def test_a_misclassified_image_has_the_bound_zero():
    decoders = [Linear(0), Linear(1)]
    images = decoders[0](torch.zeros(1, 8, dtype=torch.float64))
    bounds = paper_bounds(Exact(decoders), decoders, images, torch.tensor([1]), SETTINGS)
    assert bounds["l2"].tolist() == bounds["linf"].tolist() == [0]


def test_equation_8():
    assert l2_bound(torch.tensor([5.0, 1.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 4.0])).tolist() == [2.0, 0.0]


def test_the_linf_crossing_solves_its_equation():
    generator = torch.Generator().manual_seed(0)
    residual_c = torch.randn(4, 784, generator=generator, dtype=torch.float64)
    residual_y = torch.randn(4, 784, generator=generator, dtype=torch.float64) / 10
    distance_y = residual_y.square().sum(1) + 1
    eps = linf_crossing(residual_c, residual_y, distance_y)
    left = distance_y + (2 * eps[:, None] * residual_y.abs() + eps[:, None] ** 2).sum(1)
    right = (residual_c.abs() - eps[:, None]).clamp_min(0).square().sum(1)
    torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)
    assert linf_crossing(residual_y, residual_c, residual_c.square().sum(1)).tolist() == [0] * 4


def test_a_bound_above_an_adversarial_fails_the_run():
    bounds = pd.DataFrame({"label": [7, 2], "l2": [0.5, 1.5]})
    summary = summarise_bounds(bounds, {"l2": pd.Series([2.0, 1.6])})
    assert summary["l2"]["mean_lower_paper_formula"] == 1.0 and summary["l2"]["violations"] == 0
    with pytest.raises(Problem, match=r"the l2 bounds of the test images \[1\]"):
        summarise_bounds(bounds, {"l2": pd.Series([2.0, 1.4])})
