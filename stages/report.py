"""Table 1, Figure 2, the brackets of robustness and the metrics, from the records."""

from pathlib import Path

from analysis_by_synthesis.attacks.settings import AttackSettings
from analysis_by_synthesis.files import ATTACKS, CLEAN, read_records, write_csv, write_json
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting import figure2
from analysis_by_synthesis.reporting.bounds import report_bounds
from analysis_by_synthesis.reporting.style import MODEL_LABELS
from analysis_by_synthesis.reporting.table1 import (
    Cell,
    ReportSettings,
    all_attacks,
    as_markdown,
    table1,
    write_metrics,
)
from analysis_by_synthesis.stage import Problem, replacing, run


class LabelledAttack(AttackSettings, extra="ignore"):
    """Of an attack's parameters, those that name its row."""


def main() -> None:
    seed, settings, attacks, cells, recipe = read({
        "seed": int, "report": ReportSettings, "attacks": dict[str, LabelledAttack], "cells": dict[str, dict[str, Cell]],
        "classifiers.madry.recipe": str,
    })  # fmt: skip
    distances = {}
    for group in cells.values():
        for name, cell in group.items():
            attack = attacks[cell.attack]
            row = attack.norm, attack.label, cell.model
            if row in distances:
                raise Problem(
                    f"two attacks of {cell.model} have the norm and label of attacks.{cell.attack}; rename one."
                )
            distances[row] = read_records(ATTACKS / f"{name}.csv")[attack.norm]
    clean = {model: read_records(CLEAN / f"{model}.csv") for model in MODEL_LABELS}
    metrics, plots = Path("metrics"), Path("plots")

    table = table1(distances, clean, settings, seed)
    write_csv(metrics / "table1.csv", table)
    with replacing(metrics / "table1.md") as partial:
        partial.write_text(as_markdown(table, recipe))
    write_metrics(table, metrics)
    accuracy = {model: float((records["label"] == records["predicted"]).mean()) for model, records in clean.items()}
    write_json(metrics / "clean_accuracy.json", accuracy)

    strongest = all_attacks(distances)
    curves = {norm: figure2.curves(strongest, norm) for norm in settings.thresholds}
    for norm, curve in curves.items():
        write_csv(plots / "figure2" / f"{norm}.csv", curve)
    figure2.draw(curves, settings.thresholds, plots / "figure2.png")

    report_bounds(distances, settings.thresholds, metrics, plots)


if __name__ == "__main__":
    run(main)
