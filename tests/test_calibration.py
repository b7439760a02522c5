import numpy as np
import pytest
import torch

from analysis_by_synthesis.calibration.class_offsets import fit_class_offsets
from analysis_by_synthesis.calibration.class_scalars import fit_class_scalars, gain
from analysis_by_synthesis.calibration.softmax import calibrate, posterior
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.class_scalars import ClassScalars


def sample(temperature, n=20000):
    """Logits whose true posterior is the softmax of temperature * logits."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(n, 10)) * 3
    probabilities = posterior(logits, temperature, 0)
    labels = (probabilities.cumsum(1) > generator.random((n, 1))).argmax(1)
    return logits, labels


def test_posterior_is_equation_4():
    logits = np.array([[1.0, 2.0], [0.0, -1.0]])
    expected = (np.exp(2 * logits) + 0.5) / (np.exp(2 * logits) + 0.5).sum(1, keepdims=True)
    assert posterior(logits, 2, 0.5) == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.8, 2.0])
def test_calibration_finds_alpha_and_sets_the_median_confidence(temperature):
    logits, labels = sample(temperature)
    alpha, eta = calibrate(logits, labels, 0.4)
    assert alpha == pytest.approx(temperature, rel=0.05)
    assert np.median(posterior(logits, alpha, eta).max(1)) == pytest.approx(0.4, abs=1e-6)


def test_the_scale_of_the_logits_does_not_matter():
    logits, labels = sample(1.0)
    alpha, eta = calibrate(logits, labels, 0.4)
    scaled_alpha, scaled_eta = calibrate(logits / 784 - 0.05, labels, 0.4)
    assert scaled_alpha == pytest.approx(784 * alpha, rel=1e-2)
    assert posterior(logits / 784 - 0.05, scaled_alpha, scaled_eta) == pytest.approx(
        posterior(logits, alpha, eta), abs=1e-2
    )


def test_eta_is_zero_where_the_confidence_is_low_anyway():
    logits, labels = sample(0.01, n=500)
    assert calibrate(logits, labels, 0.99)[1] == 0


def test_class_scalars_mend_a_scaled_class():
    generator = np.random.default_rng(0)
    labels = generator.integers(10, size=2000)
    distances = generator.uniform(20, 30, size=(2000, 10))
    distances[np.arange(2000), labels] = generator.uniform(17, 19.5, size=2000)
    distances[:, 3] *= 1.2
    settings = ClassScalars(images=2000, lowest=0.7, highest=1.3, grid=61, sweeps=2)
    gamma = fit_class_scalars(distances, labels, settings)
    assert ((gamma * distances).argmin(1) == labels).mean() == 1
    assert gamma[3] < 0.95
    assert np.delete(gamma, 3) == pytest.approx(1)


def test_what_gamma_is_worth_is_measured_by_the_same_distances():
    """Distances 10 and 11 of two classes; with gamma 1.2 and 1 the second is the smaller one."""

    class Scaled(Classifier):
        gamma = torch.tensor([1.2, 1.0])

        def forward(self, x):
            return -self.gamma * torch.tensor([10.0, 11.0]).expand(len(x), 2)

    worth = gain(Scaled(), torch.zeros(4, 1, 28, 28), torch.tensor([0, 0, 0, 1]))
    assert worth == {"with_gamma": 0.25, "without_gamma": 0.75}


def test_class_offsets_are_the_log_odds_where_distances_say_nothing():
    distances, labels = np.full((12, 3), 50.0), np.repeat([0, 1, 2], [2, 4, 6])
    assert fit_class_offsets(distances, labels) == pytest.approx([0, -np.log(2), -np.log(3)], abs=1e-4)


def test_class_offsets_take_back_what_a_class_has_too_much():
    rng = np.random.default_rng(0)
    distances, labels = rng.normal(40, 1, (3000, 2)), rng.integers(2, size=3000)
    distances[np.arange(3000), labels] -= 1
    fair = fit_class_offsets(distances, labels)
    assert fair == pytest.approx([0, 0], abs=0.15)
    assert fit_class_offsets(distances + np.array([0, 7]), labels) == pytest.approx(fair - [0, 7], abs=1e-3)
