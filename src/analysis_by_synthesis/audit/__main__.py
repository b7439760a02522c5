"""`make audit`: every check, a verdict in one line each; the exit code is 1 if anything fails."""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from analysis_by_synthesis.audit.adversarials import check_cell
from analysis_by_synthesis.audit.bounds import check_bounds, check_search
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.provenance import check_provenance
from analysis_by_synthesis.audit.remake import check_remake
from analysis_by_synthesis.audit.stages import Stage, read_stages
from analysis_by_synthesis.audit.state import check_code, check_configuration, check_state
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.cells import AttackBlock, Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import CODE_FILE
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.stage import check_own_code, run
from analysis_by_synthesis.reporting.records import read_cells
from analysis_by_synthesis.reporting.runs import PRESENT, made_by

EXACT = ("figures", "figure4", "page", "reliability", "report", "runs", "vae_health")
NUMERIC = {"calibrate": 0.01, "class_scalars": 0.0, "figure1": 0.02, "pgd_accuracy": 0.01}  # with tolerances
SHARE = 0.1  # of the many, unless all are asked for


def verdicts(everything: bool, reruns: int, seed: int) -> Iterator[Verdict]:
    """All checks in turn.

    Args:
        everything: also what is only sampled otherwise.
        reruns: so many cells, drawn with `seed`, are attacked again.
    """
    yield check_code()
    stages, code = read_stages(), read_json(CODE_FILE)
    yield check_state(stages)
    yield check_provenance(stages, code)
    yield check_configuration()
    attacks, cells, bounds = read({"attacks": dict[str, AttackBlock], "cells": Cells, "bounds": BoundsSettings})
    found = read_cells(attacks, cells)
    images, labels = load("test")
    share = 1.0 if everything else SHARE
    for name in cells.attack.models:
        model = load_model(name)
        yield check_clean(name, model, images, labels)
        for row, cell in found.items():
            if row.model == name:
                samples = read_json(cell.stem.with_suffix(".json"))["samples"]
                yield check_cell(cell.stem, samples, model, images, labels, share, seed)
        for norm in cells.bounds.norms if name in cells.bounds.models else []:
            yield check_bounds(found, name, norm)
            yield check_search(found, name, model, norm, bounds.chosen, images, labels, seed)
    for stage in stages.values():
        group = stage.name.partition("@")[0]
        if group in EXACT:
            yield check_remake(stage)
        elif group in NUMERIC:
            yield _made_again(stage, code, NUMERIC[group])
    again = [
        name for name in sorted(stages) if name.startswith(("attack", "transfer")) and _is_present(stages[name], code)
    ]
    for name in random.Random(seed).sample(again, min(reruns, len(again))):
        attack = stages[name].command[2]
        chunk = {f"attacks.{attack}.samples": read_json(stages[name].deps[-1])["evaluation"]["chunk_size"]}
        yield check_remake(stages[name], 0.01, chunk)


def _made_again(stage: Stage, code: dict[str, dict[str, str]], tolerance: float) -> Verdict:
    if stage.card() is None or _is_present(stage, code):
        return check_remake(stage, tolerance)
    return Verdict(f"{stage.name}: not made again, since older code has made it")


def _is_present(stage: Stage, code: dict[str, dict[str, str]]) -> bool:
    card = stage.card()
    return card is not None and made_by(card, code) == PRESENT


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis_by_synthesis.audit", description=__doc__)
    parser.add_argument("--all", action="store_true", help="check all of what is only sampled otherwise")
    parser.add_argument(
        "--reruns", type=int, default=0, help="attack so many cells again, a chunk of each; minutes each"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all samples")
    arguments = parser.parse_args()
    check_own_code(Path.cwd())
    failed = []
    for verdict in verdicts(arguments.all, arguments.reruns, arguments.seed):
        print(verdict, flush=True)
        failed += [verdict.checked] * bool(verdict.faults)
    if failed:
        raise UserError(f"{len(failed)} checks have failed: {'; '.join(failed)}.")
    print("All passed.")


if __name__ == "__main__":
    run(main)
