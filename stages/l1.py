"""Distances and bounds in L1: metrics/l1.csv."""

from analysis_by_synthesis.bounds.l1 import l1_table
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, ReportSettings
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv


def main(project: Project) -> None:
    report, attacks, cells = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells,
    }, project.params)  # fmt: skip
    found, names, models = read_cells(project, attacks, cells), report.all.rows()[EVERYTHING], cells.bounds.models
    bounds = {model: read_records(project.bounds / f"{model}-l1.csv") for model in models}
    checks = {model: read_records(project.bounds / f"{model}-searches.csv") for model in models}
    checks = {model: check[check["norm"] == "l1"] for model, check in checks.items()}
    write_csv(project.metrics / "l1.csv", l1_table(found, names, bounds, checks, report.disproved))
    print(f"L1: {len(found)} attacks on models")


if __name__ == "__main__":
    run(main)
