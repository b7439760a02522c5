"""Other weights through the same stages: `python -m analysis_by_synthesis.evaluate WEIGHTS OUTPUT CELL ...`.

WEIGHTS is laid out as models/ is: abs/0.safetensors ... abs/9.safetensors, or cnn/weights.safetensors and so on. Everything is
written to OUTPUT, nothing else is touched, and an interrupted evaluation goes on when it is started again.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.paths import ATTACKS, CLEAN
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.records import Cell, LabelledAttack
from analysis_by_synthesis.scratch import link, run_stage


def evaluate(weights: Path, output: Path, names: list[str], samples: int | None) -> pd.DataFrame:
    """Clean accuracy and the named cells of params.yaml for the models in `weights`.

    Args:
        samples: attacked in each cell; as many as params.yaml says if None.

    Returns:
        a row per cell: cell, n, norm, median distance, and of each model the accuracy on clean images.

    Raises:
        UserError: there is no such cell, or a stage has failed.
    """
    groups, attacks = read({"cells": dict[str, dict[str, Cell]], "attacks": dict[str, LabelledAttack]})
    cells = {name: cell for group in groups.values() for name, cell in group.items()}
    if unknown := sorted(set(names) - set(cells)):
        raise UserError(f"there is no cell {unknown[0]}; params.yaml lists them under cells.")
    if not weights.is_dir():
        raise UserError(f"{weights} is not a directory of weights; lay it out as models/ is.")
    link(output, {"data": Path("data"), **{f"models/{path.name}": path for path in weights.iterdir() if path.is_dir()}})
    chosen = {name: cells[name] for name in names}
    if any(name.startswith("transfer") for name in (cell.attack for cell in chosen.values())):
        link(output, {"models/substitute": Path("models/substitute")})
    models = sorted({cell.model for cell in chosen.values()})
    if "binary_abs" in models and not (output / "models/binary_abs").exists():
        _stage(output, "class_scalars.py")
    for model in models:
        _stage(output, "classify.py", model)
    rows = []
    for name, cell in chosen.items():
        _stage(output, "attack.py", cell.model, cell.attack, cell.module, str(samples or cell.samples))
        clean = pd.read_csv(output / CLEAN / f"{cell.model}.csv")
        norm = attacks[cell.attack].norm
        distances = pd.read_csv(output / ATTACKS / f"{name}.csv")[norm]
        rows.append({
            "cell": name, "clean_accuracy": (clean["label"] == clean["predicted"]).mean(), "n": len(distances), "norm": norm,
            "median": np.median(distances),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _stage(output: Path, script: str, *arguments: str) -> None:
    print(script, *arguments, flush=True)
    if failure := run_stage(output, script, *arguments):
        raise UserError(failure.removeprefix("ERROR: "))


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis_by_synthesis.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("cells", nargs="+", metavar="CELL", help="of params.yaml, for instance abs-fgsm")
    parser.add_argument("--samples", type=int, help="attacked in each cell, the first so many test images")
    chosen = parser.parse_args(arguments)
    print(evaluate(chosen.weights, chosen.output, chosen.cells, chosen.samples).to_string(index=False))


if __name__ == "__main__":
    run(main)
