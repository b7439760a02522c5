"""Table 1, Figure 2 and the metrics, from the records."""

import json
from pathlib import Path

from analysis_by_synthesis.attacks.settings import AttackSettings
from analysis_by_synthesis.params import read
from analysis_by_synthesis.records import read_attack, read_bounds, read_clean
from analysis_by_synthesis.reporting import figure2
from analysis_by_synthesis.reporting.bounds import summarise_bounds
from analysis_by_synthesis.reporting.style import MODEL_LABELS
from analysis_by_synthesis.reporting.table1 import Cell, ReportSettings, all_attacks, as_markdown, table1, write_metrics
from analysis_by_synthesis.stage import run


class LabelledAttack(AttackSettings, extra="ignore"):
    """Of an attack's parameters, those that name its row."""


def main() -> None:
    seed, settings, attacks, cells = read({
        "seed": int, "report": ReportSettings, "attacks": dict[str, LabelledAttack], "cells": dict[str, dict[str, Cell]],
    })  # fmt: skip
    distances = {}
    for group in cells.values():
        for name, cell in group.items():
            attack = attacks[cell.attack]
            distances[attack.norm, attack.label, cell.model] = read_attack(name)[attack.norm]
    clean = {model: read_clean(model) for model in MODEL_LABELS}
    metrics, plots = Path("metrics"), Path("plots")

    table = table1(distances, clean, settings, seed)
    table.to_csv(metrics / "table1.csv", index=False, float_format="%.6g")
    (metrics / "table1.md").write_text(as_markdown(table))
    write_metrics(table, metrics)
    accuracy = {model: float((records["label"] == records["predicted"]).mean()) for model, records in clean.items()}
    (metrics / "clean_accuracy.json").write_text(json.dumps(accuracy, indent=2) + "\n")

    strongest = all_attacks(distances)
    curves = {norm: figure2.curves(strongest, norm) for norm in settings.thresholds}
    for norm, curve in curves.items():
        curve.to_csv(plots / "figure2" / f"{norm}.csv", index=False, float_format="%.6g")
    figure2.draw(curves, settings.thresholds, plots / "figure2.png")

    adversarial = {norm: values for (norm, _, model), values in strongest.items() if model == "abs"}
    bounds = {"abs": summarise_bounds(read_bounds("abs"), adversarial)}
    (metrics / "bounds.json").write_text(json.dumps(bounds, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
