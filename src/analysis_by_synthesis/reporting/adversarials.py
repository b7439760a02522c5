"""The minimal adversarial of each sample over several attacks of a norm, and which of them a figure shows."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.records import read_adversarials
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.params.report import MODEL_LABELS

QUARTERS = 4
FORMATS: dict[Norm, str] = {"l2": ".2f", "linf": ".3f", "l0": ".0f"}


Minimal = dict[Norm, dict[str, pd.DataFrame]]  # `minimal_adversarials` by norm and model


def on_the_same_images(cells: dict[Row, Cell], names: Collection[str], min_images: int) -> Minimal:
    """The minimal adversarials of these attacks for every model of Table 1, on the images that each of them was given on each model.

    So no model looks more robust than another because its attacks, or its images, were others.

    Args:
        names: blocks of params.yaml.
        min_images: with fewer that all attacks of a norm on a model were given, its table is empty.
    """
    chosen: dict[tuple[Norm, str], list[Cell]] = {(norm, model): [] for norm in NORMS for model in MODEL_LABELS}
    for row, cell in cells.items():
        if cell.attack in names and row.model in MODEL_LABELS:
            chosen[row.norm, row.model].append(cell)
    given = {key: _given_to_all(of_model) for key, of_model in chosen.items()}
    enough = [images for images in given.values() if len(images) >= min_images]
    same = set.intersection(*enough) if enough else set()
    minimal: Minimal = {norm: {} for norm in NORMS}
    for (norm, model), of_model in chosen.items():
        table = minimal_adversarials(of_model, norm)
        shown = same if len(given[norm, model]) >= min_images else set()
        minimal[norm][model] = table[table.index.isin(shown)]
    return minimal


def _given_to_all(cells: list[Cell]) -> set[int]:
    """The images that every one of several attacks was given; none if there is no attack."""
    return set.intersection(*(set(cell.records.index) for cell in cells)) if cells else set()


def minimal_adversarials(cells: list[Cell], norm: Norm) -> pd.DataFrame:
    """The closest adversarial of each image over several attacks on a model; not every image was given to all of them.

    Args:
        cells: there may be none.

    Returns:
        by image: label, predicted (its class for the model), distance (0 where the clean image is misclassified already,
        inf where no attack succeeded), stem (of the files of the cell that found it), row (in these files).
    """
    columns = ["label", "predicted", "distance", "stem", "row"]
    tables = [
        cell.records.assign(distance=cell.records[norm], stem=str(cell.stem), row=range(len(cell.records)))[columns]
        for cell in cells
    ]
    if not tables:
        return pd.DataFrame(columns=columns).astype({"label": int, "distance": float})
    together = pd.concat(tables).sort_values("distance", kind="stable")
    return together[~together.index.duplicated()].sort_index()


def perturbed(minimal: pd.DataFrame) -> pd.DataFrame:
    """Those samples that took a perturbation: correctly classified, and one was found."""
    return minimal[(minimal["distance"] > 0) & np.isfinite(minimal["distance"])]


def one_per_class(minimal: dict[str, pd.DataFrame], seed: int) -> list[int | None]:
    """For each class one random sample, among those that have an adversarial on the most models; None where there is none."""
    labels = pd.concat([perturbed(table)["label"] for table in minimal.values()])
    models, label_of = labels.groupby(level=0).size(), labels.groupby(level=0).first()
    chosen: list[int | None] = []
    for c in range(10):
        of_class = models[label_of == c]
        candidates = of_class.index[of_class == of_class.max()]
        chosen.append(int(np.random.default_rng([seed, c]).choice(candidates)) if len(candidates) else None)
    return chosen


def some_per_quarter(minimal: pd.DataFrame, each: int, seed: int) -> list[list[int]]:
    """Up to `each` random samples, closest first, of every quarter of the perturbed ones in the order of their distance."""
    ordered = perturbed(minimal).sort_values("distance", kind="stable").index.to_numpy()
    chosen = []
    for quarter, samples in enumerate(np.array_split(ordered, QUARTERS)):
        generator = np.random.default_rng([seed, quarter])
        places = generator.choice(len(samples), min(each, len(samples)), replace=False)
        chosen.append([int(samples[place]) for place in sorted(places)])
    return chosen


def pictures(minimal: pd.DataFrame) -> Tensor:
    """The images (N, 1, 28, 28) of the rows of `minimal_adversarials`."""
    images = torch.empty(len(minimal), 1, 28, 28)
    for stem, rows in minimal.assign(place=range(len(minimal))).groupby("stem"):
        images[rows["place"].tolist()] = read_adversarials(Path(stem))[rows["row"].tolist()]
    return images


def picture(adversarial: pd.Series) -> np.ndarray:
    """The image (28, 28) of one row of `minimal_adversarials`."""
    return read_adversarials(Path(adversarial["stem"]))[adversarial["row"], 0].numpy()


def caption(adversarial: pd.Series, norm: Norm) -> str:
    """Clean label, adversarial label, distance."""
    return f"{adversarial['label']}→{adversarial['predicted']}   {adversarial['distance']:{FORMATS[norm]}}"
