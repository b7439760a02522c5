"""How many images a second networks classify beside 58da3a0, in turn on the same machine: metrics/networks_benchmark.csv.

    python benchmarks/networks.py OLD

OLD is a worktree of 58da3a0. A network's images a second are the largest of several turns, which other processes disturb least.
"""

import os
import sys
from pathlib import Path

import pandas as pd
from cells import run

from analysis_by_synthesis.pipeline.card import processor
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import write_csv

MODELS = ("cnn", "binary_cnn", "madry")
TURNS = 3


def main(old: str) -> None:
    trees, threads = {"old": Path(old).resolve(), "now": Project.here().root.resolve()}, str(os.cpu_count())
    rows = []
    for model in MODELS:
        fastest = dict.fromkeys(trees, 0.0)
        for _ in range(TURNS):
            for name, tree in trees.items():
                once = run(tree, "forward.py", model, threads)["images_per_second"]
                fastest[name] = max(fastest[name], once)
        facts = {"model": model, "cpu": processor(), "threads": threads, "old_images_per_second": fastest["old"]}
        rows.append(facts | {"images_per_second": fastest["now"], "ratio": fastest["now"] / fastest["old"]})
    write_csv(Project.here().metrics / "networks_benchmark.csv", table := pd.DataFrame(rows))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
