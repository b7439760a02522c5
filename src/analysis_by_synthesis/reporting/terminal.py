"""The results in short, our numbers beside the paper's, for a terminal: at most 100 columns, colours only there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis_by_synthesis.distances import NORM_NAMES
from analysis_by_synthesis.evaluation.table1 import AGREES
from analysis_by_synthesis.params.report import EVERYTHING, MODEL_LABELS, OF_THE_PAPER, WITH_ESTIMATED
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import PRESENT

WIDTH = 100
CLEAN = "clean"
LOWER = "lower bound"
ROWS = {
    "Clean": "Clean, %",
    OF_THE_PAPER: "paper's attacks",
    WITH_ESTIMATED: "estimated too",
    EVERYTHING: "ours too",
    LOWER: LOWER,
}
FORMATS = {CLEAN: ".1f", "l2": ".2f", "linf": ".3f", "l0": "g"}


def summary(project: Project) -> None:
    """Print Table 1 in short, or Table 2 where that is what the project has, and where the rest stands.

    Raises:
        UserError: there is no table yet.
    """
    console = Console(highlight=False)
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    table2 = project.metrics / "table2.csv"
    for part in _table2(_read(table2)) if table2.exists() else _table1(project):
        console.print(part)


def _table1(project: Project) -> Iterator[Table | str]:
    table, bounds = _read(project.metrics / "table1.csv"), read_json(project.metrics / "bounds.json")
    runs, judged = _read(project.metrics / "runs.csv"), table[table["median_verdict"].notna()]
    differing = judged[judged["median_verdict"] != AGREES]
    yield "Median adversarial distance, ours (the paper's): of each image the smallest over several attacks"
    yield _medians(_entries(table, bounds), set(zip(differing["norm"], differing["attack"], differing["model"])))
    ratios = {norm: numbers["median_ratio"] for norm, numbers in bounds["abs"].items() if "median_ratio" in numbers}
    gaps = ", ".join(f"{100 * (ratio - 1):.1f} % in {NORM_NAMES[norm]}" for norm, ratio in ratios.items())
    yield "Blank: the attacks have too few images in common, or the model has no bounds.\n"
    yield f"Gap (median) between lower bounds and adversarials of ABS: {gaps}."
    yield f"The paper's number lies in our 95 % interval for {len(judged) - len(differing)} of {len(judged)} medians."
    yield f"{(runs['made_by'] == PRESENT).sum()} of {len(runs)} results were made by the code that is here.\n"
    yield _look(
        ("results.html", "everything on one page; open it in a browser"),
        ("metrics/table1.md", "every attack"),
        ("metrics/control.md", "which medians differ from the paper's, and why"),
        ("dvc metrics show", "every attack, in this terminal"),
        ("make audit", "checks all of this, from the committed files"),
    )


def _entries(table: pd.DataFrame, bounds: dict[str, Any]) -> pd.DataFrame:
    """What is shown of Table 1 and the bounds: norm, attack, model, n, ours, paper."""
    repeated = table["attacks"].notna() & table.duplicated(["norm", "model", "attacks"])
    table = table[~repeated]
    clean = table["norm"] == CLEAN
    ours = table["median"].where(~clean, 100 * table["accuracy"])
    paper = table["paper_median"].where(~clean, 100 * table["paper_accuracy"])
    lower = [
        {"norm": norm, "attack": LOWER, "model": model, "n": numbers["n"], "ours": numbers["median_lower"]}
        for model, norms in bounds.items()
        for norm, numbers in norms.items()
        if "median_lower" in numbers
    ]
    return pd.concat([table.assign(ours=ours, paper=paper), pd.DataFrame(lower)])


def _medians(entries: pd.DataFrame, far: set[tuple[str, str, str]]) -> Table:
    """A column for each model, a row for each that several attacks make; what is `far` from the paper is marked."""
    shown = _grid("", *(label.replace(" ", "\n", 1) for label in MODEL_LABELS.values()), "n")
    for norm, name in [(CLEAN, ""), *NORM_NAMES.items()]:
        if name:
            shown.add_row(Text(name, "bold"))
        for label, words in ROWS.items():
            attack = label.format(name)
            own = entries[(entries["norm"] == norm) & (entries["attack"] == attack)].set_index("model")
            if len(own):
                cells = [
                    _beside(
                        own.loc[model, "ours"], own.loc[model, "paper"], FORMATS[norm], (norm, attack, model) in far
                    )
                    if model in own.index
                    else ""
                    for model in MODEL_LABELS
                ]
                shown.add_row(words, *cells, _span(own["n"]))
    return shown


def _table2(table: pd.DataFrame) -> Iterator[Table | str]:
    shown = _grid("", "accuracy, %", "n", "median L2", "n")
    for model, rows in table.groupby("model", sort=False):
        first = rows.iloc[0]
        accuracy = _beside(100 * first["accuracy"], 100 * first["paper_accuracy"], FORMATS[CLEAN])
        shown.add_row(Text(MODEL_LABELS[str(model)], "bold"), accuracy, str(first["images"]))
        for _, row in rows.iterrows():
            median = _beside(row["median"], row["paper_median"], FORMATS["l2"])
            shown.add_row(row["attack"], "", "", median, str(row["n"]))
    yield "Table 2, two-class CIFAR, ours (the paper's)"
    yield shown
    yield ""
    yield _look(
        ("metrics/table2.md", "the same with 95 % intervals"),
        ("plots/adversarials.png", "adversarials, and what ABS sees in them"),
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise UserError(f"{path} is not here; take it from git, or run: dvc repro")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read ({error}); take it from git, or run: dvc repro") from None


def _grid(*heads: str) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True, header_style="bold")
    for i, head in enumerate(heads):
        grid.add_column(head, justify="right" if i else "left", vertical="bottom", no_wrap=True)
    return grid


def _beside(ours: float, paper: float, digits: str, marked: bool = False) -> Text:
    text = Text("∞" if np.isinf(ours) else format(ours, digits), "yellow" if marked else "")
    return text if np.isnan(paper) else text.append(f" ({'∞' if np.isinf(paper) else f'{paper:g}'})", "dim")


def _span(counts: pd.Series) -> str:
    """So many images, of all models."""
    return "–".join(dict.fromkeys([str(counts.min()), str(counts.max())]))


def _look(*where: tuple[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, what in where:
        grid.add_row(Text(name, "bold"), what)
    return grid
