"""Reliability before and after calibration, and alpha, eta and gamma beside the paper's."""

import pandas as pd

from analysis_by_synthesis.calibration.reliability import SOFTMAXES, reliability, summarise
from analysis_by_synthesis.params.calibration import Probability
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.reliability import draw


def main(project: Project) -> None:
    (median_confidence,) = read({"calibration.median_confidence": Probability}, project.params)
    calibrations = {model: read_json(project.metrics / "calibration" / f"{model}.json") for model in MODEL_LABELS}
    confidences = {model: read_records(project.calibration / f"{model}.csv") for model in MODEL_LABELS}
    gamma = read_json(project.models / "binary_abs/class_scalars.json")["gamma"]
    summary = summarise(calibrations, confidences, median_confidence, project.paper)
    write_csv(project.metrics / "calibration.csv", summary)
    curves = {
        softmax: {
            model: reliability(table[softmax].to_numpy(), (table["label"] == table["predicted"]).to_numpy())
            for model, table in confidences.items()
        }
        for softmax in SOFTMAXES
    }
    for softmax, tables in curves.items():
        for model, table in tables.items():
            write_csv(project.plots / "reliability" / softmax / f"{model}.csv", table)
    draw(curves, summary, gamma, pd.read_csv(project.paper / "class_scalars.csv"), project.plots / "reliability.png")
    print(f"reliability: {len(summary)} models before and after calibration")


if __name__ == "__main__":
    run(main)
