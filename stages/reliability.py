"""Reliability before and after calibration, and alpha, eta and gamma beside the paper's."""

import json
from pathlib import Path

from analysis_by_synthesis.calibration import Probability
from analysis_by_synthesis.files import read_records, write_csv
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.reliability import SOFTMAXES, draw, reliability, summarise
from analysis_by_synthesis.reporting.style import MODEL_LABELS
from analysis_by_synthesis.stage import run


def main() -> None:
    (median_confidence,) = read({"calibration.median_confidence": Probability})
    calibrations = {model: json.loads(Path(f"metrics/calibration/{model}.json").read_text()) for model in MODEL_LABELS}
    confidences = {model: read_records(Path(f"results/calibration/{model}.csv")) for model in MODEL_LABELS}
    gamma = json.loads(Path("models/binary_abs/class_scalars.json").read_text())["gamma"]
    summary = summarise(calibrations, confidences, median_confidence)
    write_csv(Path("metrics/calibration.csv"), summary)
    curves = {
        softmax: {
            model: reliability(table[softmax].to_numpy(), (table["label"] == table["predicted"]).to_numpy())
            for model, table in confidences.items()
        }
        for softmax in SOFTMAXES
    }
    for softmax, tables in curves.items():
        for model, table in tables.items():
            write_csv(Path(f"plots/reliability/{softmax}/{model}.csv"), table)
    draw(curves, summary, gamma, Path("plots/reliability.png"))


if __name__ == "__main__":
    run(main)
