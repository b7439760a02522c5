"""What cells cost beside 58da3a0, one after the other on the same machine: metrics/cells_benchmark.csv.

    python benchmarks/cells.py OLD [MODEL-ATTACK=SAMPLES ...]

OLD is a worktree of 58da3a0 with MNIST in its data/mnist. Where no cells are named, it is the twelve dearest by their run cards
without estimated gradients, and the twelve dearest with them, two samples each. A cell that was measured before is measured again.

Columns: cpu_ratio says how many times less CPU time is used now, ratio the same of wall time, which other processes disturb (`load`:
how many wanted to run meanwhile). share_of_peak: of all queries, were each a whole look at an image, in a core's measured peak: it can
exceed 1, since many queries are answered by less. Empty for ABS, which has no whole look.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from inference import peak
from torch.utils.flop_counter import FlopCounterMode

from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import read_cards
from analysis_by_synthesis.pipeline.tables import write_csv

HERE = Path(__file__).resolve().parent
OUTPUT = Path("metrics/cells_benchmark.csv")
DEAREST, SAMPLES = 12, 2
ESTIMATED = "_ge"  # the end of such attacks' names


def main(old: str, *chosen: str) -> None:
    project = Project.here()
    cells = dict(cell.split("=") for cell in chosen) or dict.fromkeys(dearest(project), str(SAMPLES))
    highest = peak()
    table = pd.read_csv(OUTPUT) if OUTPUT.exists() else pd.DataFrame({"cell": []})
    for cell, samples in cells.items():
        row = measured(project, Path(old), cell, samples, highest)
        table = pd.concat([table[table["cell"] != cell], pd.DataFrame([row])])
        write_csv(OUTPUT, table)
        print(json.dumps(row), flush=True)


def dearest(project: Project) -> list[str]:
    """The cells that have taken most seconds a sample: those without estimated gradients, then those with them."""
    cards = {name: card["seconds"] / card["samples"] for name, card in read_cards(project.attacks).items()}
    by_cost = sorted(cards, key=lambda cell: -cards[cell])
    without = [cell for cell in by_cost if not cell.endswith(ESTIMATED)]
    return without[:DEAREST] + [cell for cell in by_cost if cell.endswith(ESTIMATED)][:DEAREST]


def measured(project: Project, old: Path, cell: str, samples: str, highest: float) -> dict[str, str | float | None]:
    """A row of the table."""
    model, attack = cell.split("-")
    before, after = (
        run(tree.resolve(), script, model, attack, samples)
        for tree, script in ((old, "cell_58da3a0.py"), (project.root, "cell_now.py"))
    )
    flop = whole_look(project, model)
    return {
        "cell": cell, "samples": int(samples), "threads": torch.get_num_threads(), "load": os.getloadavg()[1],
        "old_seconds": before["wall"], "seconds": after["wall"], "ratio": before["wall"] / after["wall"],
        "old_cpu_seconds": before["cpu"], "cpu_seconds": after["cpu"], "cpu_ratio": before["cpu"] / after["cpu"],
        "old_queries": before["queries"], "queries": after["queries"],
        "queries_per_cpu_second": after["queries"] / after["cpu"],
        "share_of_peak": flop and after["queries"] * flop / after["cpu"] / highest,
        "old_median": before["median"], "median": after["median"],
    }  # fmt: skip


def run(tree: Path, script: str, *arguments: str) -> dict[str, float]:
    """What a script prints that runs in a tree, with its own code."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    facts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return facts


def whole_look(project: Project, name: str) -> int | None:
    """Floating-point operations of a model's logits of one image."""
    model = load_model(name, project.models)
    if isinstance(model, ABS):
        return None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *model.image_shape))
    return counter.get_total_flops()


if __name__ == "__main__":
    main(*sys.argv[1:])
