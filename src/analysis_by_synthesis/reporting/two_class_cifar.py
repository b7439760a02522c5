"""Clean images of two-class CIFAR, the nearest adversarials of both models, and what ABS sees in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.adversarials import perturbed
from analysis_by_synthesis.reporting.style import save


def choose(minimal: Mapping[str, pd.DataFrame], each: int) -> list[int]:
    """Of every class the first images that have an adversarial on all models.

    Args:
        minimal: as reporting.adversarials.minimal_adversarials has them, by model.
        each: images of a class.
    """
    tables = [perturbed(table) for table in minimal.values()]
    shared = [image for image in tables[0].index if all(image in table.index for table in tables)]
    labels = tables[0]["label"].loc[shared]
    return [int(image) for _, of_class in labels.groupby(labels) for image in of_class.index[:each]]


@torch.no_grad()
def draw(
    minimal: Mapping[str, pd.DataFrame],
    chosen: Sequence[int],
    images: Tensor,
    model: ABS,
    classes: Sequence[str],
    path: Path,
) -> None:
    """Draw a column for each image.

    Args:
        chosen: test images.
        images: all test images (N, 3, 32, 32).
        model: whose reconstructions are shown: of the clean image in its own class, of the adversarial in that it is taken for.
        classes: their names.
    """
    clean = images[list(chosen)]
    rows: list[tuple[str, Tensor, list[str]]] = []
    labels = [int(minimal["abs"].loc[image, "label"]) for image in chosen]
    rows.append(("clean", clean, [classes[label] for label in labels]))
    for name, table in minimal.items():
        found = [table.loc[image] for image in chosen]
        shown = torch.stack([read_adversarials(Path(row["stem"]))[row["row"]] for row in found])
        captions = [f"{classes[row['predicted']]}, {row['distance']:.2f}" for row in found]
        rows.append((f"{MODEL_LABELS[name]}: nearest\nadversarial", shown, captions))
        if name == "abs":
            taken_for = [row["predicted"] for row in found]
            rows.append(("ABS: reconstruction\nof the clean image", *_seen(model, clean, labels, classes)))
            rows.append(("ABS: reconstruction\nof its adversarial", *_seen(model, shown, taken_for, classes)))
    figure, axes = plt.subplots(
        len(rows), len(chosen), figsize=(len(chosen) * 1.05 + 1.6, len(rows) * 1.3), squeeze=False, layout="constrained"
    )
    for line, (title, pictures, captions) in zip(axes, rows, strict=True):
        line[0].set_ylabel(title.replace(": ", ":\n"), fontsize=7, rotation=0, ha="right", va="center")
        for axis, picture, caption in zip(line, pictures, captions, strict=True):
            axis.imshow(picture.permute(1, 2, 0).clamp(0, 1))
            axis.set(xticks=[], yticks=[])
            axis.set_title(caption, fontsize=6.5, pad=2)
            axis.spines[:].set_visible(False)
    save(figure, path)


def _seen(model: ABS, images: Tensor, labels: Sequence[int], classes: Sequence[str]) -> tuple[Tensor, list[str]]:
    """The likeliest reconstructions in these classes, and their names."""
    device = next(model.parameters()).device
    latent = model.inference.infer(images.to(device), model.gamma, "arbiter").latent
    own = latent[torch.arange(len(images)), list(labels)]
    pictures = model.inference.decode(torch.tensor(list(labels), device=device), own)
    return pictures.cpu(), [f"as {classes[label]}" for label in labels]
