"""What ABS or Binary ABS sees in the images that have bounds, and in their closest adversarials."""

from analysis_by_synthesis.bounds.summary import fallen
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.results import Row, read_cells
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.adversarials import minimal_adversarials
from analysis_by_synthesis.reporting.reconstructions import SHOWN, Seen, explain, write_tiles


def main(project: Project, name: str) -> None:
    attacks, cells = read({"attacks": dict[str, AttackBlock], "cells": Cells}, project.params)
    recorded(project, "stages.reconstructions", f"models.{name}")
    own = read_cells(project, attacks, cells, [name])
    labels = {str(cell.stem): row.attack for row, cell in own.items()}
    searches = read_records(project.bounds / f"{name}-searches.csv")
    model, (images, _) = with_latents(load_model(name, project.models)), load("test", project.mnist)
    seen: dict[tuple[int, ...], Seen] = {}
    for norm in cells.bounds.norms:
        bounds = own[Row(norm, BOUND_GUIDED_LABEL, name)].records[:SHOWN]
        closest = minimal_adversarials([cell for row, cell in own.items() if row.norm == norm], norm)
        shown = tuple(bounds.index)
        clean = images[list(shown)]
        if shown not in seen:
            seen[shown] = Seen(model, clean)
        lower = fallen(bounds, searches[searches["norm"] == norm])
        table, tiles = explain(model, seen[shown], clean, lower, closest.loc[list(shown)], labels)
        folder = project.plots / "reconstructions" / name
        write_csv(folder / f"{norm}.csv", table)
        write_tiles(folder / f"{norm}.png", tiles)


if __name__ == "__main__":
    run(main)
