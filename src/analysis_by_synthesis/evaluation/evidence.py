"""What the paper's claims are judged by, from the records."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.results import attack_tables, read_cells
from analysis_by_synthesis.evaluation.table1 import PRINTED
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.report import MODEL_LABELS, ReportSettings
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records


class Evidence(NamedTuple):
    """What claims are judged by.

    Attributes:
        distances: per norm and model, a row per image that all attacks were given and a column per attack.
        correct: per model, whether each clean test image is classified correctly.
        bounds: per model, the paper's bounds: image, seed, l2, linf.
        distal: per model, the number of ascents from noise and of those that ended certain and far from the data.
        printed: the ends of the intervals that the paper prints for its bounds, by model and norm.
        seen: of every model's closest L2 adversarials: of, image, label, predicted, and the class that each model sees.
        thresholds: of Table 1's accuracies.
    """

    distances: Mapping[tuple[Norm, str], pd.DataFrame]
    correct: Mapping[str, np.ndarray]
    bounds: Mapping[str, pd.DataFrame]
    printed: Mapping[tuple[str, str], tuple[float, float]]
    distal: Mapping[str, tuple[int, int]]
    seen: pd.DataFrame
    thresholds: Mapping[Norm, float]


def read_evidence(
    project: Project, report: ReportSettings, attacks: dict[str, AttackBlock], cells: Cells, labels: Mapping[str, str]
) -> dict[str, Evidence]:
    """The evidence of several sets of attacks, which differ in distances alone.

    Args:
        report, attacks, cells: these blocks of params.yaml.
        labels: of the rows "All" (params.report), by the name of the evidence.

    Raises:
        UserError: records are missing.
    """
    found, rows = read_cells(project, attacks, cells), report.all.rows()
    clean = {model: read_records(project.clean / f"{model}.csv") for model in MODEL_LABELS}
    exact = {model: ascents["exact"] for model, ascents in read_json(project.metrics / "distal.json").items()}
    same = {
        "correct": {model: (table["label"] == table["predicted"]).to_numpy() for model, table in clean.items()},
        "bounds": {model: read_records(project.bounds / f"{model}-paper.csv") for model in cells.bounds.models},
        "printed": intervals(pd.read_csv(project.paper / "bounds.csv")),
        "distal": {model: (round(of["distal"] * of["starts"]), of["starts"]) for model, of in exact.items()},
        "seen": pd.read_csv(project.results / "agreement.csv"),
        "thresholds": report.thresholds,
    }
    return {
        name: Evidence(attack_tables(found, rows[label], report.min_images), **same) for name, label in labels.items()
    }


def intervals(printed: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """The intervals of the bounds that the paper prints: its mean and standard error, or its median and the last digit.

    Args:
        printed: model, norm, mean, standard_error, median.
    """
    value, half = printed["mean"].fillna(printed["median"]), printed["standard_error"].fillna(PRINTED["linf"])
    ends = zip(value - half, value + half)
    return dict(zip(zip(printed["model"], printed["norm"]), ends))
