"""Image by image: the bracket of its robustness, its closest adversarial, and what ABS sees in both."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.reporting.adversarials import pictures

SHOWN = 200  # images, the first of those with bounds: the page that shows them has to stay small
LEVELS = 16  # of grey, for the same reason
AT_ONCE = 50  # images; bounds the memory
TILES = (
    "clean", "clean_as_label", "clean_as_other", "adversarial", "adversarial_as_label", "adversarial_as_other",
)  # fmt: skip
SEEN = tuple(tile for tile in TILES if "_as_" in tile)


class Seen:
    """What a model sees in images x (N, *image_shape), by its arbiter.

    Attributes:
        distance: gamma_c D_c(x) (N, C), in squared pixel units; the least is the class.
        reconstruction: G_c(z*_c) (N, C, *image_shape).
    """

    def __init__(self, model: ABS, x: Tensor) -> None:
        found = [
            model.inference.infer(model.observe(part), model.gamma.float(), "arbiter") for part in x.split(AT_ONCE)
        ]
        self.distance = torch.cat([model.gamma * solution.distance for solution in found])
        self.reconstruction = torch.cat([model.inference.reconstruct(solution.latent) for solution in found])

    def as_class(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The distances (N,) and reconstructions (N, *image_shape) of one class (N,) for each image."""
        rows = torch.arange(len(classes))
        return self.distance[rows, classes], self.reconstruction[rows, classes]


def explain(
    model: ABS, clean: Seen, images: Tensor, lower: pd.DataFrame, closest: pd.DataFrame, attacks: dict[str, str]
) -> tuple[pd.DataFrame, Tensor]:
    """A row for each image, and its pictures.

    Args:
        clean: of the images (N, 1, 28, 28).
        lower: records of their bounds, by test image.
        closest: their `minimal_adversarials`, by test image.
        attacks: the label of each attack, by the stem of its files.

    Returns:
        image, label, other (the class of the adversarial, or where there is none the rival of the bound), lower, upper, attack
        (that found the adversarial; empty where there is none), and gamma_c D_c of what is seen, named as in TILES;
        the pictures (N, 6, 28, 28) of TILES; without an adversarial the image stands in for it.
    """
    found = np.isfinite(closest["distance"])
    table = pd.DataFrame({
        "label": closest["label"],
        "other": closest["predicted"].where(found, lower["rival"]).astype(int),
        "lower": lower["lower"],
        "upper": closest["distance"],
        "attack": closest["stem"].map(attacks).where(found & (closest["distance"] > 0), ""),
    })  # fmt: skip
    label, other = (torch.tensor(table[name].tolist()) for name in ("label", "other"))
    adversarials = pictures(closest)
    seen = [each.as_class(classes) for each in (clean, Seen(model, adversarials)) for classes in (label, other)]
    for name, (distance, _) in zip(SEEN, seen):
        table[name] = distance.numpy()
    tiles = [images, seen[0][1], seen[1][1], adversarials, seen[2][1], seen[3][1]]
    return table.reset_index(names="image"), torch.cat(tiles, 1)


def write_tiles(path: Path, tiles: Tensor) -> None:
    """Write pictures (N, M, 28, 28) as one PNG of 16 grey levels: a row for each image, 28 pixels high."""
    rows = tiles.transpose(1, 2).flatten(2).flatten(0, 1)
    levels = Image.fromarray((rows.clamp(0, 1) * (LEVELS - 1)).round().to(torch.uint8).numpy(), mode="P")
    levels.putpalette([round(255 * level / (LEVELS - 1)) for level in range(LEVELS) for _ in "rgb"])
    with replacing(path) as partial:
        levels.save(partial, format="png", bits=4, optimize=True)
