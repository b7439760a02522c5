"""Table 1 by the paper's own search: adversarials are lengthened until that search sees another class too.

The arbiter searches longer than the paper did. What it takes for an adversarial may not be one for the classifier that the
paper evaluated.
"""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.evaluation.records import PIXEL_LEVELS
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table1 import table1
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.protocol_verdict import ProtocolVerdict
from analysis_by_synthesis.params.report import ReportSettings

JUDGES = ("arbiter", "protocol")


def lengths(
    model: Classifier, images: Tensor, adversarials: Tensor, labels: Tensor, settings: ProtocolVerdict
) -> Tensor:
    """The factors (N,) by which perturbations have to be lengthened for the paper's search; inf where none is enough.

    A longer perturbation changes no pixel's binarisation, so that a model which binarises is asked about the adversarials alone.

    Args:
        images, adversarials: (N, 1, 28, 28); pixels have the 16 bits in which adversarials are stored.
        labels: (N,).
    """
    refused = torch.ones_like(labels, dtype=images.dtype)
    accepted = torch.full_like(refused, torch.inf)

    def fooled(rows: Tensor, factors: Tensor) -> Tensor:
        longer = lengthened(images[rows], adversarials[rows], factors)
        return predict(model, longer, "protocol") != labels[rows]

    for factor in (1.0,) if model.binary else (1.0, *settings.factors, float(PIXEL_LEVELS)):
        rows = accepted.isinf().nonzero()[:, 0]
        found = fooled(rows, torch.full_like(refused[rows], factor))
        accepted[rows[found]], refused[rows[~found]] = factor, factor
    rows = (accepted.isfinite() & (accepted > 1)).nonzero()[:, 0]
    for _ in range(settings.bisections):
        middle = (refused[rows] * accepted[rows]).sqrt()
        found = fooled(rows, middle)
        accepted[rows[found]], refused[rows[~found]] = middle[found], middle[~found]
    return accepted


def lengthened(images: Tensor, adversarials: Tensor, factors: Tensor) -> Tensor:
    """Adversarials (N, 1, 28, 28) whose perturbations are longer by factors (N,), in [0, 1]; at inf the images themselves."""
    finite = torch.where(factors.isfinite(), factors, 0)[:, None, None, None]
    return (images + finite * (adversarials - images)).clamp(0, 1)


def table_of_both(
    cells: Mapping[Row, Cell],
    lengthened: Mapping[str, pd.DataFrame],
    clean: Mapping[str, pd.DataFrame],
    settings: ReportSettings,
    paper: pd.DataFrame,
) -> pd.DataFrame:
    """Table 1's columns of these models by both judges, on the same images.

    An image that the paper's search gets wrong as it is has the distance 0. One that only the arbiter gets wrong has never been
    attacked, and is left out.

    Args:
        cells: with the arbiter's records.
        lengthened: by model: attack (its block of params.yaml), norm, image and distance (inf where there is none).
        clean: by model, for each clean image: label, and its class by `arbiter` and by `protocol`.
        settings, paper: as of evaluation.table1.

    Returns:
        norm, attack, model, paper_median, paper_accuracy; n, median and accuracy with their intervals and verdicts for each
        judge; refused: adversarials of the arbiter that the protocol classifies right, however long.
    """
    both: dict[str, dict[Row, Cell]] = {judge: {} for judge in JUDGES}
    refused: dict[Row, int] = {}
    for row, cell in cells.items():
        table = lengthened[row.model]
        found = table[(table["attack"] == cell.attack) & (table["norm"] == row.norm)].set_index("image")["distance"]
        by_protocol = clean[row.model]["protocol"].reindex(found.index)
        records = cell.records.loc[found.index]
        wrong = by_protocol != records["label"]
        known = records["clean_correct"] | wrong
        distances = {"arbiter": records[row.norm], "protocol": found.mask(wrong, 0.0)}
        for judge in JUDGES:
            both[judge][row] = replace(cell, records=records.assign(**{row.norm: distances[judge]})[known])
        arbiters, protocols = (both[judge][row].records[row.norm] for judge in JUDGES)
        refused[row] = int((arbiters.lt(torch.inf) & protocols.eq(torch.inf)).sum())
    keys = list(Row._fields)
    shared = [*keys, "paper_median", "paper_accuracy"]
    sides = []
    for judge in JUDGES:
        predicted = {model: table.assign(predicted=table[judge]) for model, table in clean.items()}
        table = table1(both[judge], predicted, settings, paper).drop(columns=["rejected", "attacks"], errors="ignore")
        sides.append(table.set_index(shared).add_prefix(f"{judge}_"))
    joined = sides[0].join(sides[1]).reset_index()
    rows = pd.MultiIndex.from_frame(joined[keys])
    return joined.assign(refused=pd.Series(rows.map(refused), dtype="Int64"))
