"""One chunk of a cell in a worktree of 58da3a0, as cell_now.py has it: MODEL ATTACK SAMPLES, in its root, with its `src` on the path."""

import json
import sys
import time
from importlib import import_module

import yaml

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.runner import AttackCell, Evaluation
from analysis_by_synthesis.models import BINARY, load_model
from analysis_by_synthesis.params import read


def main(model: str, attack: str, samples: str) -> None:
    with open("params.yaml") as file:
        stages = yaml.safe_load(file)["cells"].values()
    (name,) = {cells[f"{model}-{attack}"]["module"] for cells in stages if f"{model}-{attack}" in cells}
    module = import_module(f"analysis_by_synthesis.attacks.{name}")
    evaluation, settings = read({"evaluation": Evaluation, f"attacks.{attack}": module.Settings})
    images, labels = (part[: int(samples)] for part in load("test"))
    cell = AttackCell(load_model(model), model in BINARY, module.attack, settings, evaluation)
    cell.model(images[:1])  # what is compiled is compiled
    wall, cpu = time.perf_counter(), time.process_time()
    found = cell._run_chunk(images, labels, 0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    distances = found[settings.norm].double()
    facts = {"wall": wall, "cpu": cpu, "queries": int(found["queries"].sum()), "median": distances.median().item()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
