"""The images with bounds one by one, as the page's script reads them."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pandas as pd

from analysis_by_synthesis.bounds.summary import MODELS
from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.captions import NORM_SYMBOLS


def embedded(path: Path) -> str:
    """A file in base64."""
    return b64encode(path.read_bytes()).decode()


def explained(folder: Path, thresholds: dict[Norm, float]) -> dict[str, Any]:
    """What the stage `reconstructions` has written for each model and norm; images by distance, with their row in the tiles."""
    models: dict[str, Any] = {}
    count = 0
    for model in MODELS:
        tables = {norm: folder / model / f"{norm}.csv" for norm in NORMS}
        norms = {norm: _of_norm(path, norm, thresholds[norm]) for norm, path in tables.items() if path.exists()}
        if norms:
            models[model] = {"label": MODEL_LABELS[model], "norms": norms}
            count = max(count, *(len(own["images"]) for own in norms.values()))
    return {"count": count, "models": models}


def _of_norm(path: Path, norm: Norm, threshold: float) -> dict[str, Any]:
    table = pd.read_csv(path, keep_default_na=False, na_values={"upper": ["inf"]})
    ordered = table.assign(row=range(len(table))).sort_values(["upper", "lower"], kind="stable")
    return {
        "unit": "pixels" if norm == "l0" else NORM_SYMBOLS[norm],
        "threshold": threshold,
        "images": json.loads(ordered.to_json(orient="records")),
        "tiles": f"data:image/png;base64,{embedded(path.with_suffix('.png'))}",
    }
