"""Table 2: two-class CIFAR, from the records alone."""

from collections.abc import Mapping

import pandas as pd

from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.statistics import median, share
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED, BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.two_class_cifar import Published
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records

ALL = "All attacks"
LOWER = "Lower bound"


def read_cells(
    project: Project, attacks: Mapping[str, AttackBlock], cells: Mapping[str, list[str]], bounded: list[str]
) -> dict[Row, Cell]:
    """All attacks and bounds with their records.

    Args:
        attacks: the blocks of params.yaml.
        cells: which of them were run, by model.
        bounded: the models that have bounds.

    Raises:
        UserError: records are missing.
    """
    stems = {
        Row("l2", attacks[name].label, model): (name, attacks[name].module, project.attacks / f"{model}-{name}")
        for model, names in cells.items()
        for name in names
    } | {
        Row("l2", BOUND_GUIDED_LABEL, model): (BOUND_GUIDED, BOUND_GUIDED, project.bounds / f"{model}-l2")
        for model in bounded
    }
    return {
        row: Cell(name, module, stem, read_records(stem.with_suffix(".csv")))
        for row, (name, module, stem) in stems.items()
    }


def table2(
    cells: Mapping[Row, Cell], clean: Mapping[str, pd.DataFrame], published: Mapping[str, Published]
) -> pd.DataFrame:
    """A row per model and attack, all attacks of a model together, and its lower bound.

    Args:
        clean: label and predicted class of the test images, by model.
        published: what the paper says, by model.

    Returns:
        model, attack, median L2 distance with its 95 % interval median_low to median_high over n images, paper_median (nan
        beside attacks that aren't the paper's), and of the model accuracy with accuracy_low to accuracy_high over `images`
        test images, and paper_accuracy.
    """
    rows = []
    for model, paper in published.items():
        own = {row.attack: cell for row, cell in cells.items() if row.model == model}
        shown = {label: cell.records["l2"] for label, cell in own.items()}
        shown[ALL] = pd.concat(list(shown.values()), axis=1, join="inner").min(axis=1)
        if BOUND_GUIDED_LABEL in own:
            shown[LOWER] = own[BOUND_GUIDED_LABEL].records["lower"]
        papers = {label for label, cell in own.items() if cell.attack == paper.attack}
        right = (clean[model]["label"] == clean[model]["predicted"]).sum()
        accuracy = share(right, len(clean[model]))
        for label, distances in shown.items():
            estimate = median(distances.to_numpy())
            rows.append({
                "model": model, "attack": label, "n": len(distances),
                "median": estimate.value, "median_low": estimate.low, "median_high": estimate.high,
                "paper_median": paper.median if label in papers else float("nan"),
                "accuracy": accuracy.value, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high,
                "images": len(clean[model]), "paper_accuracy": paper.accuracy,
            })  # fmt: skip
    return pd.DataFrame(rows)
