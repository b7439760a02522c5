"""The paper's inference with other numbers: where its answer is known in closed form."""

import pandas as pd
import pytest
import torch
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.evaluation.ablation import Variant, ablations, summarise, variants
from analysis_by_synthesis.inference.candidates import candidate_latents
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params.ablation import Ablation

pytestmark = pytest.mark.usefixtures("single_thread", "work")
CLASSES = 3
SETTINGS = Ablation(images=6, candidates=[100], steps=[0], sigma2=[0.5, 1e5], evaluations=40)


@pytest.fixture(scope="module")
def toys():
    decoders = toy_decoders(CLASSES)
    return ABS(decoders, toy_settings()), decoders, toy_images(decoders, each=2)


def classified(toys, shares, settings=SETTINGS):
    model, decoders, images = toys
    return {v.name: way() for v, way in ablations(model, decoders, images, shares, settings).items()}


@torch.no_grad()
def objectives(decoders, images, latents):
    """||x - G_c(z)||^2 + 1/2 ||z||^2 (N, C, K)."""
    away = [(images.flatten(1)[:, None] - decoder(latents).flatten(1)).square().sum(2) for decoder in decoders]
    return torch.stack(away, 1) + latents.square().sum(1) / 2


def test_without_steps_the_best_candidate_decides(toys):
    model, decoders, images = toys
    latents = candidate_latents(model.settings, model.inference.latent_dim)
    nearest = objectives(decoders, images, latents).amin(2).argmin(1)
    assert classified(toys, torch.ones(CLASSES) / CLASSES)["steps 0"].tolist() == nearest.tolist()


def test_the_variance_of_training_changes_nothing_and_a_huge_one_leaves_the_prior(toys):
    model, decoders, images = toys
    found = classified(toys, torch.ones(CLASSES) / CLASSES)
    assert found["sigma2 0.5"].tolist() == found["arbiter 0"].tolist() == model.arbitrate(images).argmax(1).tolist()
    at_zero = objectives(decoders, images, torch.zeros(1, model.inference.latent_dim))[:, :, 0].argmin(1)
    assert found["sigma2 100000"].tolist() == at_zero.tolist()


def test_the_prior_of_the_classes_counts_as_in_equation_1(toys):
    _, _, images = toys
    assert torch.equal(*(classified(toys, torch.ones(CLASSES) / CLASSES)[name] for name in ("p(y) 1", "arbiter 0")))
    only = torch.tensor([0.0, 1.0, 0.0])
    assert classified(toys, only)["p(y) 1"].tolist() == [1] * len(images)


def test_summary_counts_what_the_arbiter_sees_otherwise():
    names = [variant.name for variant in variants(SETTINGS)]
    columns = {name: [0, 1, 2, 3] for name in names} | {"steps 0": [0, 1, 0, 0]}
    table = summarise(pd.DataFrame({"label": [0, 1, 2, 0], **columns}), SETTINGS).set_index(["varied", "value"])
    assert names[0] == Variant("arbiter", 0).name
    assert table.loc[("arbiter", 0), ["accuracy", "changed"]].tolist() == [0.75, 0.0]
    assert table.loc[("steps", 0), ["accuracy", "changed"]].tolist() == [0.75, 0.5]
