from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis_by_synthesis.distances import NORMS
from analysis_by_synthesis.evaluation import records
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting import captions, figure1, figure2, figure3, figure8, figure567
from analysis_by_synthesis.reporting.adversarials import (
    caption,
    minimal_adversarials,
    on_the_same_images,
    one_per_class,
    some_per_quarter,
)
from analysis_by_synthesis.reporting.canvas import Canvas
from analysis_by_synthesis.reporting.style import MODEL_LINES, save_png
from analysis_by_synthesis.reporting.vae_health import draw as draw_vae_health
from analysis_by_synthesis.training import vae_health
from analysis_by_synthesis.training.vae import kl_divergence

INF = float("inf")


def cell(distances, labels=None, predicted=5, first=0, stem="cnn-x", norm="l2"):
    index = pd.RangeIndex(first, first + len(distances), name="image")
    labels = np.zeros(len(distances), int) if labels is None else labels
    table = pd.DataFrame({"label": labels, "predicted": predicted, norm: np.asarray(distances, float)}, index=index)
    return Cell("x", "x", Path(stem), table)


def test_the_closest_adversarial_of_all_cells():
    both = [
        cell([3, 1, INF, 0], predicted=5, stem="cnn-a"),
        cell([9, 2, 2, INF, 0], predicted=7, first=-1, stem="cnn-b"),
    ]
    minimal = minimal_adversarials(both, "l2")
    assert minimal.index.tolist() == [-1, 0, 1, 2, 3]
    assert minimal["distance"].tolist() == [9, 2, 1, INF, 0]
    assert minimal["predicted"].tolist()[:3] == [7, 7, 5]
    assert minimal["stem"].tolist()[:3] == ["cnn-b", "cnn-b", "cnn-a"] and minimal["row"].tolist()[:3] == [0, 1, 1]
    assert caption(minimal.loc[0], "l2") == "0→7   2.00"


def test_a_figure_has_the_same_images_for_every_model_that_it_shows():
    strong, weak = cell([1, 2, 3, 4]), cell([5, 0.5, INF], first=1)
    few = cell([1, 1], first=9)
    cells = {
        Row("l2", "DeepFool", "cnn"): replace(strong, attack="deepfool"),
        Row("l2", "FGM", "cnn"): replace(weak, attack="fgm"),
        Row("linf", "FGSM", "abs"): replace(cell([7, 8], first=2, norm="linf"), attack="fgsm"),
        Row("l2", "FGM", "madry"): replace(few, attack="fgm"),
        Row("l2", "DDN", "abs"): replace(cell([0.1], first=50), attack="ddn"),
    }
    minimal = on_the_same_images(cells, ["deepfool", "fgm", "fgsm"], 2)
    assert all(table.empty for of_norm in minimal.values() for table in of_norm.values())  # madry had other images
    minimal = on_the_same_images(cells, ["deepfool", "fgm", "fgsm"], 3)
    assert minimal["l2"]["cnn"]["distance"].to_dict() == {1: 2, 2: 0.5, 3: 4}
    assert minimal["linf"]["abs"].empty and minimal["l2"]["madry"].empty  # too few images
    del cells[Row("l2", "FGM", "madry")]
    minimal = on_the_same_images(cells, ["deepfool", "fgm", "fgsm"], 2)
    assert minimal["l2"]["cnn"]["distance"].to_dict() == {2: 0.5, 3: 4}
    assert minimal["linf"]["abs"]["distance"].to_dict() == {2: 7, 3: 8}
    assert captions.subject("attacks", minimal) == "attacks, the same n = 2 test images for every model"
    table = figure2.curves(minimal["l2"], "l2").set_index("distance")
    assert table["madry"].isna().all() and list(table) == [
        "cnn",
        "binary_cnn",
        "nearest_neighbor",
        "madry",
        "binary_abs",
        "abs",
    ]
    curve = table["cnn"]
    assert curve[0] == 1 and curve.iloc[20] == 0.5 and curve.iloc[-1] == 0


def test_a_caption_names_the_attacks_and_who_is_missing():
    cells = {Row("l2", "DeepFool", model): replace(cell([1.0, 2.0]), attack="deepfool") for model in ("cnn", "abs")}
    cells[Row("l2", "Latent Descent", "abs")] = replace(cell([1.0, 2.0]), attack="latents")
    cells[Row("l2", "DDN", "abs")] = replace(cell([1.0, 2.0]), attack="ddn")
    names = ["deepfool", "latents"]
    text = captions.in_full("our attacks", cells, names, on_the_same_images(cells, names, 1), ["l2"])
    assert text == (
        "Our attacks, the same n = 2 test images for every model. L₂: DeepFool, Latent Descent (ABS only); without"
        " Binary CNN, Nearest Neighbor, Madry et al., Binary ABS, whose attacks have too few images in common."
    )


def test_a_class_is_shown_by_a_sample_that_most_models_have():
    labels = np.arange(40) % 10
    labels[labels == 9] = 8
    some, all_found = np.where(np.arange(40) < 20, 1.0, INF), np.ones(40)
    all_found[3] = 0  # misclassified: nothing to show
    cells = {"cnn": [cell(all_found, labels)], "abs": [cell(some, labels)], "madry": []}
    minimal = {model: minimal_adversarials(of_model, "l2") for model, of_model in cells.items()}
    chosen = one_per_class(minimal, 0)
    assert chosen == one_per_class(minimal, 0)
    assert chosen[9] is None and all(labels[sample] == c for c, sample in enumerate(chosen[:9]))
    assert all(sample < 20 for sample in chosen[:9]) and chosen[3] == 13
    assert len({one_per_class(minimal, seed)[8] for seed in range(20)}) > 1


def test_each_quarter_has_samples_of_its_own_error_range():
    distances = np.random.default_rng(0).permutation(101).astype(float)  # one is 0
    distances[distances == 100] = INF
    minimal = minimal_adversarials([cell(distances)], "l2")
    chosen = some_per_quarter(minimal, 4, seed=0)
    ranges = [(1, 25), (26, 50), (51, 75), (76, 99)]
    for samples, (low, high) in zip(chosen, ranges):
        assert len(set(samples)) == 4
        assert all(low <= distances[sample] <= high for sample in samples)
        assert distances[samples].tolist() == sorted(distances[samples])
    assert chosen == some_per_quarter(minimal, 4, seed=0) != some_per_quarter(minimal, 4, seed=1)
    assert [len(samples) for samples in some_per_quarter(minimal_adversarials([cell([1, 2, 3])], "l2"), 4, 0)] == [
        1, 1, 1, 0,
    ]  # fmt: skip


def test_histograms_count_every_sample_once():
    own = minimal_adversarials([cell([0.0, 0.1, 1.0, 4.9, 7.0, INF])], "l2")
    table = figure8.histograms({"cnn": own, "abs": own[:0]}, "l2")
    assert table["cnn"].sum() == pytest.approx(3 / 6) and "abs" not in table
    assert table["distance"].iloc[[0, -1]].tolist() == pytest.approx([0.0625, 4.9375])


def draw_all(folder):
    """Figures 2, 3, 6 and 8 for one model with three samples; the others have no cells."""
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    columns = {"image": torch.arange(3), "label": torch.arange(3), "predicted": torch.arange(3) + 1}
    records.write_attack(folder / "cnn-x", columns | {"adversarial": 1 - images})
    minimal, thresholds = {}, dict.fromkeys(NORMS, 0.3)
    for norm in NORMS:
        own = [cell([0.1, 0.2, INF], [0, 1, 2], stem=folder / "cnn-x", norm=norm)]
        minimal[norm] = {model: minimal_adversarials(own if model == "cnn" else [], norm) for model in MODEL_LABELS}
    figure567.draw(minimal["l2"], "l2", images, 0, "a", folder / "figure6.png")
    figure3.draw(minimal["l2"], images, 0, "a", folder / "figure3.png")
    curves = {norm: figure2.curves(minimal[norm], norm) for norm in NORMS}
    figure2.draw(curves, thresholds, "a", folder / "figure2.png")
    figure2.draw_small(curves, thresholds, "a", folder / "figure2_small.png")
    tables = {norm: figure8.histograms(minimal[norm], norm) for norm in NORMS}
    figure8.draw(tables, minimal, thresholds, "a", folder / "figure8.png")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("figure*")}


def test_empty_panels_are_drawn_and_a_redraw_has_the_same_bytes(tmp_path):
    once = draw_all(tmp_path / "once")
    assert len(once) == 11 and draw_all(tmp_path / "again") == once


def test_an_image_is_drawn_pixel_by_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(256, size=(28, 28))
    canvas = Canvas(40, 50)
    canvas.image(7, 11, picture / 255)
    canvas.save(tmp_path / "page.png")
    page = np.asarray(Image.open(tmp_path / "page.png"))
    assert page.shape == (150, 120)
    with np.load(tmp_path / "drawn" / "page.npz") as drawn:
        assert (drawn["pixels"][11 : 11 + 28, 7 : 7 + 28] == picture).all() and len(drawn["texts"]) == 0
    shown = page[33 : 33 + 84, 21 : 21 + 84]
    assert np.abs(shown - picture.repeat(3, 0).repeat(3, 1)).max() <= 1


def test_a_colour_that_is_rare_in_a_figure_is_kept(tmp_path):
    figure, axis = plt.subplots()
    for i in range(40):
        axis.plot([0, 1], [i, i + 1], color=plt.get_cmap("viridis")(i / 40))
    axis.plot([0, 0.02], [50, 50], color=MODEL_LINES["binary_abs"]["color"], linewidth=2)
    save_png(figure, tmp_path / "lines.png")
    pixels = np.asarray(Image.open(tmp_path / "lines.png").convert("RGB")).reshape(-1, 3).astype(int)
    assert np.abs(pixels - [0xD5, 0x5E, 0x00]).max(1).min() < 16


def test_figure_1_is_drawn(tmp_path):
    distances, reconstructions = torch.rand(2, 10), torch.rand(2, 10, 1, 28, 28)
    posterior = np.full((2, 10), 0.1)
    images, labels = torch.rand(2, 1, 28, 28), torch.tensor([3, 4])
    figure1.draw(images, labels, distances, reconstructions, posterior, tmp_path / "figure1.png")
    assert (tmp_path / "figure1.pdf").exists()


def test_the_health_of_a_vae_that_ignores_most_latents(tmp_path):
    torch.manual_seed(0)
    vae = VAE().eval().requires_grad_(False)
    vae.encoder.conv_3.weight[[0, 1, 2, 4, 5, 6, 7]] = 0  # q(z|x) of all latents but the fourth is N(0, 1)
    vae.encoder.conv_3.weight[8:] = 0
    vae.encoder.conv_3.bias.zero_()
    vae.encoder.conv_3.weight[3] *= 20
    images = {split: torch.rand(5, 1, 28, 28) for split in vae_health.SPLITS}
    rows = vae_health.examine(vae, images)
    for row, x in zip(rows.to_dict("records"), images.values()):
        mean, log_variance = vae.encoder(x)
        assert row["latent_1"] == pytest.approx(kl_divergence(mean, log_variance).mean().item(), rel=1e-5)
        assert row["latent_2"] == pytest.approx(0, abs=1e-6)
        assert row["reconstruction"] == pytest.approx((x - vae.decoder(mean)).square().sum().item() / 5, rel=1e-5)
    health = pd.concat([rows.assign(**{"class": c}) for c in range(10)])
    summary = vae_health.summarise(health, active=0.1)
    assert len(summary) == 10 and summary["4"]["active_latents"] == 1
    draw_vae_health(vae_health.samples([vae.decoder] * 10, 0), health, tmp_path / "vae_health.png")
    assert (tmp_path / "vae_health.png").exists()
