"""`make audit`: every check, a verdict in one line each; the exit code is 1 if anything fails."""

import argparse
import random
import sys
from collections.abc import Iterator

from analysis_by_synthesis.audit.adversarials import check_cell
from analysis_by_synthesis.audit.bounds import check_bounds
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.numbers import check_numbers
from analysis_by_synthesis.audit.rerun import check_rerun
from analysis_by_synthesis.audit.state import check_state
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.runner import Evaluation
from analysis_by_synthesis.models import MODELS, load_model, predict
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.records import Cell, LabelledAttack

CLEAN_IMAGES = 1000  # whose predictions are checked, of each model; more where more were attacked


def verdicts(reruns: int, seed: int) -> Iterator[Verdict]:
    """All checks in turn; `reruns` cells, drawn with `seed`, are attacked again."""
    groups, attacks, evaluation = read({
        "cells": dict[str, dict[str, Cell]], "attacks": dict[str, LabelledAttack], "evaluation": Evaluation
    })  # fmt: skip
    cells = {name: cell for group in groups.values() for name, cell in group.items()}
    yield check_state(cells)
    images, labels = load("test")
    attacked = max(cell.samples for cell in cells.values())
    images, labels = (part[: max(attacked, CLEAN_IMAGES)] for part in (images, labels))
    for model_name in MODELS:
        model = load_model(model_name)
        predicted = predict(model, images)
        yield check_clean(model_name, predicted, labels)
        for name, cell in cells.items():
            if cell.model == model_name:
                yield check_cell(name, cell, model, images, labels, predicted)
    for model_name in ("binary_abs", "abs"):
        own = {group: {n: c for n, c in names.items() if c.model == model_name} for group, names in groups.items()}
        yield check_bounds(model_name, attacks, own)
    yield check_numbers()
    for name in random.Random(seed).sample(sorted(cells), min(reruns, len(cells))):
        yield check_rerun(name, cells[name], attacks[cells[name].attack].norm, evaluation.chunk_size)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis_by_synthesis.audit", description=__doc__)
    parser.add_argument("--reruns", type=int, default=0, help="attack so many cells again, a chunk of each; minutes each")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of these cells")
    arguments = parser.parse_args()
    failed = 0
    for verdict in verdicts(arguments.reruns, arguments.seed):
        print(verdict, flush=True)
        failed += bool(verdict.faults)
    sys.exit(f"{failed} checks failed." if failed else None)


if __name__ == "__main__":
    main()
