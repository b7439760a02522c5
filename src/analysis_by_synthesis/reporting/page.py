"""Everything on one page: a single HTML file that needs neither a network nor any other file."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis_by_synthesis.distances import NORM_NAMES, Norm
from analysis_by_synthesis.params.report import MODEL_LABELS

TEMPLATE = Path(__file__).with_name("page.html")
SHOWN = tuple(f"{name}==" for name in ("torch", "numpy", "numba", "scipy", "foolbox", "eagerpy", "dvc", "matplotlib"))
CLOSE = 1.05  # factor between two medians that are printed as if they agreed
FIGURES = {
    "figure1": "What ABS sees: reconstructions, distances and the posterior",
    "figure2": "Accuracy against distance, attacks of the paper",
    "figure2_ours_too": "Accuracy against distance, with our attacks too",
    "bounds": "Certified and attacked accuracy: the truth lies between the two",
    "figure3": "Minimal L2 adversarials, a random sample of each class",
    "figure4": "Distal adversarials: where ascents from noise end",
    "figure5": "Minimal L0 adversarials by error quartile",
    "figure6": "Minimal L2 adversarials by error quartile",
    "figure7": "Minimal Linf adversarials by error quartile",
    "figure8": "Distribution of the minimal adversarial distances",
    "reliability": "Accuracy against confidence, before and after calibration",
    "vae_health": "Health of the VAEs",
}


def render(metrics: Path, plots: Path, requirements: Path, seeds: dict[str, int]) -> str:
    """The page, from the metrics and figures that the other stages have written.

    Args:
        requirements: the pinned versions.
        seeds: by name, as in params.yaml.
    """
    table = pd.read_csv(metrics / "table1.csv", dtype={"rejected": "Int64"})
    runs = pd.read_csv(metrics / "runs.csv")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE.name).render(
        models=MODEL_LABELS,
        rows=_rows(table),
        disagreements=_records(pd.read_csv(metrics / "disagreements.csv")),
        flags=_records(pd.read_csv(metrics / "flags.csv")),
        bounds=_bounds(json.loads((metrics / "bounds.json").read_text())),
        distal=json.loads((metrics / "distal.json").read_text()),
        calibration=_records(pd.read_csv(metrics / "calibration.csv")),
        pgd=json.loads((metrics / "pgd_accuracy.json").read_text()),
        figures=[(name, caption, _embedded(plots / f"{name}.png")) for name, caption in FIGURES.items()],
        hours=_run_times(runs),
        provenance=runs["made_by"].value_counts().to_dict(),
        versions=_versions(requirements),
        seeds=seeds,
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row per attack: its name, and for each model the entry, or None."""
    rows = []
    for (norm, attack), group in table.groupby(["norm", "attack"], sort=False):
        by_model = {entry["model"]: _entry(entry) for entry in _records(group)}
        name = attack if norm == "clean" or attack.startswith("All ") else f"{NORM_NAMES[norm]}: {attack}"
        rows.append({"name": name, "entries": [by_model.get(model) for model in MODEL_LABELS]})
    return rows


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """How an entry of Table 1 reads, and how it compares: the smaller median is that of the stronger attack."""
    verdict, ratio = "alone", np.nan
    if pd.notna(entry["paper_median"]):
        ours, theirs = entry["median"], entry["paper_median"]
        same = np.isinf(ours) and np.isinf(theirs)
        ratio = 1.0 if same else ours / theirs
        verdict = "close" if 1 / CLOSE <= ratio <= CLOSE else "stronger" if ratio < 1 else "weaker"
    return entry | {"verdict": verdict, "ratio": ratio}


def _bounds(bounds: dict[str, dict[Norm, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"model": MODEL_LABELS[model], "norm": NORM_NAMES[norm], **numbers}
        for model, norms in bounds.items()
        for norm, numbers in norms.items()
    ]


def _run_times(runs: pd.DataFrame) -> dict[str, float]:
    """Hours that the attacks on each model took, by the run cards."""
    cells = runs[runs["result"].str.startswith(("attacks/", "bounds/"))]
    hours = cells["seconds"].groupby(cells["result"].str.extract(r"/(\w+)-", expand=False)).sum() / 3600
    return {label: float(hours[model]) for model, label in MODEL_LABELS.items() if model in hours}


def _versions(requirements: Path) -> list[str]:
    return [line.strip() for line in requirements.read_text().splitlines() if line.startswith(SHOWN)]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = table.astype(object).to_dict("records")
    return records


def _embedded(path: Path) -> str:
    return b64encode(path.read_bytes()).decode()
