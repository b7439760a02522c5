"""All checks, in turn."""

import random
from collections.abc import Iterator, Mapping

from analysis_by_synthesis.audit import pipelines
from analysis_by_synthesis.audit.adversarials import check_cells
from analysis_by_synthesis.audit.bounds import check_bounds, check_search
from analysis_by_synthesis.audit.clean import check_clean
from analysis_by_synthesis.audit.files import check_files
from analysis_by_synthesis.audit.provenance import check_provenance
from analysis_by_synthesis.audit.released import RELEASED
from analysis_by_synthesis.audit.remake import check_remake
from analysis_by_synthesis.audit.stages import Stage, read_stages
from analysis_by_synthesis.audit.state import check_code, check_configuration, check_state
from analysis_by_synthesis.audit.two_class_cifar import TWO_CLASS_CIFAR
from analysis_by_synthesis.audit.verdict import Verdict
from analysis_by_synthesis.bounds.summary import complete
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.results import read_cells
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import PRESENT, made_by
from analysis_by_synthesis.pipeline.tables import read_records

REMADE = {  # stages that are run again, and the tolerance of their numbers; 0 asks for the same bytes
    **dict.fromkeys(
        (
            "claims",
            "control",
            "figures",
            "figure4",
            "l1",
            "page",
            "reliability",
            "report",
            "runs",
            "searches",
            "vae_health",
            "class_scalars",
            "amortise",
        ),
        0.0,
    ),
    **{"calibrate": 0.01, "figure1": 0.02, "pgd_accuracy": 0.01, "reconstructions": 0.02},
}
SLOW = ("class_scalars", "pgd_accuracy")  # of these, those that are run again only if everything is
SHARE = 0.1  # of the many, unless all are asked for


def verdicts(
    project: Project, everything: bool, reruns: int, seed: int, remade: Mapping[str, float] = REMADE
) -> Iterator[Verdict]:
    """What each check of a project finds.

    Args:
        everything: also what is only sampled otherwise.
        reruns: so many cells, drawn with `seed`, are attacked again.
        remade: the stages that are run again, and the tolerance of their numbers.
    """
    readable = check_files(project)
    yield readable
    if readable.faults:
        return
    yield check_code(project)
    stages, code = read_stages(project), read_json(project.code)
    yield check_state(project, stages)
    yield check_provenance(project, stages, code)
    yield check_configuration(project)
    keys = {"attacks": dict[str, AttackBlock], "cells": Cells, "bounds": BoundsSettings, "clean_images": Count}
    attacks, cells, bounds, clean = read(keys, project.params)
    found = read_cells(project, attacks, cells)
    images, labels = load("test", project.mnist)
    share = 1.0 if everything else SHARE
    for name in dict.fromkeys(row.model for row in found):
        model = load_model(name, project.models)
        if name in cells.attack.models:
            yield check_clean(project.clean / f"{name}.csv", clean, model, images, labels)
        stems = [cell.stem for row, cell in found.items() if row.model == name]
        metrics = (*cells.bounds.norms, "l1") if name in cells.bounds.models else ()
        stems += [project.bounds / f"{name}-l1"] if metrics else []
        yield from check_cells(stems, model, images, labels, project.experiment, share, seed)
        for metric in metrics:
            records = complete(read_records(project.bounds / f"{name}-{metric}.csv"))
            yield check_bounds(records, found, name, metric)
            yield check_search(records, name, model, metric, bounds.chosen, images, labels, seed)
    for stage in stages.values():
        group = stage.name.partition("@")[0]
        if group in remade and (everything or group not in SLOW):
            yield _made_again(project, stage, code, remade[group])
    chunk_size = read_json(project.experiment)["evaluation"]["chunk_size"]
    again = [
        (stage, min(chunk_size, card["samples"]))
        for _, stage in sorted(stages.items())
        if stage.name.startswith(("attack", "transfer")) and (card := stage.card) and _is_present(stage, code)
    ]
    for stage, samples in random.Random(seed).sample(again, min(reruns, len(again))):
        yield check_remake(project, stage, 0.01, {f"attacks.{stage.command[2]}.samples": samples})
    for pipeline in (TWO_CLASS_CIFAR, RELEASED):
        yield from pipelines.verdicts(project, pipeline, share, seed)


def _made_again(project: Project, stage: Stage, code: dict[str, dict[str, str]], tolerance: float) -> Verdict:
    if stage.card is None or _is_present(stage, code):
        return check_remake(project, stage, tolerance)
    return Verdict(stage.name, notes=["not made again, since older code has made it"], skipped=True)


def _is_present(stage: Stage, code: dict[str, dict[str, str]]) -> bool:
    card = stage.card
    return card is not None and made_by(card, code) == PRESENT
