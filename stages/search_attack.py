"""A decision attack on one search of ABS, from known adversarials, beside the lower bounds in L2."""

from functools import partial

import torch
from torch import Tensor

from analysis_by_synthesis.bounds.search_attack import attack_search
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.protocol import lengthened
from analysis_by_synthesis.evaluation.records import read_adversarials, write_attack
from analysis_by_synthesis.evaluation.runner import seed_of
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.boundary import Settings
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.search_attack import SearchAttack
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records
from analysis_by_synthesis.pipeline.work import Steps, Work

MODEL = "abs"


def main(project: Project, search: str) -> Steps:
    seed, candidates, block, settings = read(
        {"seed": int, "evaluation.candidates": Count, "attacks.boundary": AttackBlock, "search_attack": SearchAttack},
        project.params,
    )
    code = recorded(project, "stages.search_attack", f"models.{MODEL}")
    bounds = read_records(project.bounds / f"{MODEL}-l2.csv").iloc[: settings.images]
    own = settings.model_dump(include={"steps", "spherical_step", "source_step", "update_stats_every_k"})
    walks = Settings(**block.settings() | own)
    at_once = settings.chunk_size
    parameters = {"seed": seed, "at_once": at_once, "candidates": candidates, "walks": walks, "length": settings.length}
    files = [project.bounds / f"{MODEL}-{name}" for name in ("l2.csv", "l2.npz")]
    inputs = [project.models / MODEL, project.mnist, *files]
    checkpoints = Checkpoints(f"search_attack/{search}", code, parameters, inputs, project.work)
    chosen = list(bounds.index)
    known = read_adversarials(project.bounds / f"{MODEL}-l2")[: len(chosen)]

    def walked(begin: int) -> dict[str, Tensor]:
        where, part = device(), slice(begin, begin + at_once)
        images, labels = (every[chosen[part]].to(where) for every in load("test", project.mnist))
        starts = lengthened(images, known[part].to(where), torch.full((len(images),), settings.length, device=where))
        torch.manual_seed(seed_of(seed, chosen[part]))
        found = attack_search(
            load_model(MODEL, project.models, where), search, images, labels, starts, walks, candidates
        )
        said = {"image": torch.tensor(chosen[part]), "label": labels, "start": distance(images, starts, "l2"), **found}
        return {name: column.cpu() for name, column in said.items()}

    begins = range(0, len(chosen), at_once)
    pieces = {f"{seed_of(seed, chosen[i : i + at_once])}": partial(walked, i) for i in begins}
    parts = yield Work(checkpoints, pieces, len(chosen), f"attack on the search {search}")
    records = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    stem = project.search_attack / f"{MODEL}-{search}"
    write_attack(stem, records)
    facts = {"samples": len(chosen), "seed": seed}
    write_card(stem.with_suffix(".json"), code, **checkpoints.origin(), **facts)
    checkpoints.forget_others()
    nearer = int((records["l2"] < records["start"]).sum())
    print(f"{search}: {nearer} of {len(chosen)} images are wrong nearer than where the walk began")


if __name__ == "__main__":
    run(main)
