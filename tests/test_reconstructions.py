"""What ABS sees in images and in their adversarials."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from toy_decoders import toy_decoders, toy_images, toy_settings

from analysis_by_synthesis.evaluation import records
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.binary_abs import BinaryABS
from analysis_by_synthesis.reporting.adversarials import pictures
from analysis_by_synthesis.reporting.reconstructions import TILES, Seen, explain, write_tiles

pytestmark = pytest.mark.usefixtures("single_thread", "work")
INF = float("inf")
NAMES = [12, 3, 40]  # of test images


@pytest.fixture(scope="module")
def images():
    return toy_images(toy_decoders(3), each=1)


@pytest.fixture
def closest(images, tmp_path):
    """Of image 12 an adversarial of attack a, of 3 one of b, and none of 40."""
    for stem, shift in (("a", 1), ("b", 2)):
        columns = {"image": torch.tensor(NAMES), "adversarial": records.onto_grid(images.roll(shift, 0))}
        records.write_attack(tmp_path / stem, columns)
    return pd.DataFrame(
        {
            "label": [0, 1, 2], "predicted": [2, 2, 2], "distance": [1.5, 2.5, INF],
            "stem": [str(tmp_path / stem) for stem in "aba"], "row": [0, 1, 2],
        },
        index=pd.Index(NAMES, name="image"),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [ABS, BinaryABS])
def test_a_row_says_what_the_arbiter_says(kind, images, closest, tmp_path):
    model = kind(toy_decoders(3), toy_settings(), [1.0, 0.9, 1.1])
    lower = pd.DataFrame({"lower": [1.0, 2.0, 3.0], "rival": [1, 0, 1]}, index=closest.index)
    labels = {str(tmp_path / stem): stem.upper() for stem in "ab"}
    table, tiles = explain(model, Seen(model, images), images, lower, closest, labels)
    assert table["image"].tolist() == NAMES and table["attack"].tolist() == ["A", "B", ""]
    assert table["other"].tolist() == [2, 2, 1]  # without an adversarial the rival of the bound
    adversarials = pictures(closest)
    for x, of in ((images, "clean"), (adversarials, "adversarial")):
        scores = -model.arbitrate(x)
        for which in ("label", "other"):
            expected = scores[range(3), table[which].tolist()]
            assert torch.allclose(torch.tensor(table[f"{of}_as_{which}"].to_numpy()), expected, rtol=1e-4)
    found = model.inference.infer(model.observe(adversarials), model.gamma, "arbiter")
    reconstruction = model.inference.reconstruct(found.latent)
    assert tiles.shape == (3, len(TILES), 28, 28)
    assert torch.allclose(tiles[1, TILES.index("adversarial_as_other")], reconstruction[1, 2, 0], atol=1e-5)
    assert torch.equal(tiles[:, 0], images[:, 0])


def test_adversarials_are_read_from_the_attack_that_found_them(images, closest):
    expected = torch.stack([images.roll(1, 0)[0], images.roll(2, 0)[1], images.roll(1, 0)[2]])
    assert torch.allclose(pictures(closest), expected, atol=1e-5)


def test_a_sheet_has_a_row_for_each_image(tmp_path):
    tiles = torch.rand(3, 2, 28, 28)
    write_tiles(tmp_path / "sheet.png", tiles)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"))
    assert sheet.shape == (84, 56)
    assert np.abs(sheet[28:56, 28:] - 255 * tiles[1, 1].numpy()).max() <= 8.5  # of 16 grey levels
