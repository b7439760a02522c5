"""What the paper says in words, judged by the records."""

from analysis_by_synthesis.evaluation.claims import judge
from analysis_by_synthesis.evaluation.evidence import read_evidence
from analysis_by_synthesis.evaluation.paper_claims import CLAIMS
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.claims import ClaimSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, OF_THE_PAPER, ReportSettings
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv

EVIDENCE = {"the paper's attacks": OF_THE_PAPER, "ours too": EVERYTHING}


def main(project: Project) -> None:
    report, attacks, cells, settings = read({
        "report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "claims": ClaimSettings,
    }, project.params)  # fmt: skip
    judged = judge(CLAIMS, read_evidence(project, report, attacks, cells, EVIDENCE), settings)
    write_csv(project.metrics / "claims.csv", judged)
    print(", ".join(f"{count} {verdict}" for verdict, count in judged["verdict"].value_counts().items()))


if __name__ == "__main__":
    run(main)
