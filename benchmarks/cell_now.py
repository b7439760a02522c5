"""One chunk of a cell, timed: MODEL ATTACK SAMPLES, in the project's root. It prints JSON: seconds, CPU seconds, queries, median."""

import json
import sys
import time

from analysis_by_synthesis.attacks.recorder import Resources
from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.runner import AttackCell
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project


def main(model: str, name: str, samples: str) -> None:
    project, key = Project.here(), f"attacks.{name}"
    block, evaluation = read({key: AttackBlock, "evaluation": Evaluation}, project.params)
    attack = load_attack(key, block, project.params)
    images, labels = load("test", project.mnist)
    starts, classes = (part[: evaluation.start_images] for part in load("train", project.mnist))
    others = {other: load_model(other, project.models) for other in attack.settings.needs}
    resources = Resources(starts, classes, others)
    cell = AttackCell(load_model(model, project.models), attack, evaluation, resources, images, labels)
    cell.model(images[:1])  # what is compiled is compiled
    wall, cpu = time.perf_counter(), time.process_time()
    found = cell.chunk(list(range(int(samples))), 0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    distances = found[attack.settings.norm].double()
    facts = {"wall": wall, "cpu": cpu, "queries": int(found["queries"].sum()), "median": distances.median().item()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
