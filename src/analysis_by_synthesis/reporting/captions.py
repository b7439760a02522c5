"""What is in a figure: which attacks, how many images, which models are missing."""

from collections.abc import Collection

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.adversarials import Minimal

NORM_SYMBOLS: dict[Norm, str] = {"l2": "L₂", "linf": "L∞", "l0": "L₀"}
PAPER, OURS_TOO = "the paper's attacks", "the paper's attacks and ours"


def subject(which: str, minimal: Minimal) -> str:
    """In a few words, to stand in a figure: whose adversarials, and of how many images."""
    n = max(len(table) for of_norm in minimal.values() for table in of_norm.values())
    return f"{which}, the same n = {n} test images for every model"


def in_full(
    which: str, cells: dict[Row, Cell], names: Collection[str], minimal: Minimal, norms: Collection[Norm] = NORMS
) -> str:
    """The subject, and of each norm the attacks with these names, with the models if they weren't run on all that are shown."""
    sentences = [subject(which, minimal)[0].upper() + subject(which, minimal)[1:] + "."]
    for norm in norms:
        shown = [model for model in MODEL_LABELS if len(minimal[norm][model])]
        on: dict[str, list[str]] = {}
        for row, cell in cells.items():
            if row.norm == norm and cell.attack in names and row.model in shown:
                on.setdefault(row.attack, []).append(row.model)
        labels = [
            label if len(models) == len(shown) else f"{label} ({_listed(models)} only)" for label, models in on.items()
        ]
        missing = _listed(MODEL_LABELS.keys() - shown)
        without = f"; without {missing}, whose attacks have too few images in common" if missing else ""
        sentences.append(f"{NORM_SYMBOLS[norm]}: {', '.join(labels) or 'none'}{without}.")
    return " ".join(sentences)


def _listed(models: Collection[str]) -> str:
    return ", ".join(label for model, label in MODEL_LABELS.items() if model in models)
