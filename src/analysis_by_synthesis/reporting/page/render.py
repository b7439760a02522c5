"""The page as a single HTML file that needs neither a network nor any other file."""

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS
from analysis_by_synthesis.reporting.numbers import columns_of_words, distance, javascript, number, share
from analysis_by_synthesis.reporting.page import front, sections
from analysis_by_synthesis.reporting.page.entries import groups
from analysis_by_synthesis.reporting.page.explained import explained

TEMPLATES = Path(__file__).with_name("templates")
SHOWN = tuple(f"{name}==" for name in ("torch", "numpy", "numba", "scipy", "foolbox", "eagerpy", "dvc", "matplotlib"))


def render(metrics: Path, plots: Path, requirements: Path, seeds: dict[str, int], thresholds: dict[Norm, float]) -> str:
    """The page, from the metrics and figures that the other stages have written.

    Args:
        requirements: the pinned versions.
        seeds: by name, as in params.yaml.
        thresholds: of the accuracies, by norm.
    """
    table = pd.read_csv(metrics / "table1.csv", dtype={"rejected": "Int64"})
    runs = pd.read_csv(metrics / "runs.csv")
    bounds = read_json(metrics / "bounds.json")
    first, second, *others = front.figures(metrics, plots)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    environment.filters |= {shown.__name__: shown for shown in (columns_of_words, distance, javascript, number, share)}
    return environment.get_template("page.html").render(
        models=MODEL_LABELS,
        norms=NORM_SYMBOLS,
        thresholds={NORM_SYMBOLS[norm]: threshold for norm, threshold in thresholds.items()},
        headline=front.headline(bounds),
        cards=front.cards(bounds, table),
        clean=table[(table["norm"] == "clean") & (table["model"] == "abs")].iloc[0].to_dict(),
        groups=groups(table, thresholds),
        disagreements=_records(pd.read_csv(metrics / "disagreements.csv")),
        bounds=front.bound_rows(bounds),
        explained=explained(plots / "reconstructions", thresholds),
        first_figure=first,
        bounds_figure=second,
        figures=others,
        flags=front.flags(pd.read_csv(metrics / "flags.csv")),
        sections=[
            *sections.control(metrics / "control.csv"),
            sections.claims(pd.read_csv(metrics / "claims.csv")),
            sections.paper_bounds(pd.read_csv(metrics / "paper_bounds.csv")),
            sections.protocol(pd.read_csv(metrics / "protocol.csv")),
            sections.search_attack(pd.read_csv(metrics / "search_attack.csv")),
            sections.union(pd.read_csv(metrics / "union_accuracy.csv"), thresholds),
            sections.l1(pd.read_csv(metrics / "l1.csv")),
            sections.distal(read_json(metrics / "distal.json")),
            sections.distal_matrix(pd.read_csv(metrics / "distal_matrix.csv")),
            sections.calibration(pd.read_csv(metrics / "calibration.csv")),
            sections.costs(runs),
        ],
        pgd=read_json(metrics / "pgd_accuracy.json"),
        provenance=runs["made_by"].value_counts().to_dict(),
        versions=_versions(requirements),
        seeds=seeds,
    )


def _versions(requirements: Path) -> list[str]:
    return [line.strip() for line in requirements.read_text().splitlines() if line.startswith(SHOWN)]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = table.astype(object).to_dict("records")
    return records
