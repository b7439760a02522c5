"""The whole of params.yaml, checked before hours of work begin: what every stage will need, across blocks."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.params.ablation import Ablation
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings, Sees
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED, BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.base import Count, Paper
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.bounds_check import CheckSettings
from analysis_by_synthesis.params.calibration import Calibration
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.claims import ClaimSettings
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.classifiers import ClassifierTraining
from analysis_by_synthesis.params.data import TEST_IMAGES, TRAINING_IMAGES, Download, MNISTFile
from analysis_by_synthesis.params.distal import DistalSettings
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.nearest_neighbor_bounds import NearestNeighborBounds
from analysis_by_synthesis.params.paper_bounds import PaperBoundsSettings
from analysis_by_synthesis.params.pgd_accuracy import PGD
from analysis_by_synthesis.params.protocol_verdict import ProtocolVerdict
from analysis_by_synthesis.params.reader import read_tree
from analysis_by_synthesis.params.report import MODEL_LABELS, ReportSettings
from analysis_by_synthesis.params.search_attack import SearchAttack
from analysis_by_synthesis.params.seeds import Seeds
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.params.vae_health import VAEHealth
from analysis_by_synthesis.params.whole import read_whole
from analysis_by_synthesis.pipeline.errors import UserError

SEEDS = 2**32  # numpy takes no larger ones
PIXELS = 784
REFERENCES = get_args(MNISTFile)[:2]  # of the training images
RESERVED = ("clean", BOUND_GUIDED)  # of cells that are no attacks
ALL = "All "

BLOCKS: dict[str, Any] = {
    "seed": Annotated[int, Field(description="Of all trainings, attacks and ascents.")],
    "order": Annotated[int, Field(description="Of the one random order in which test images are taken.")],
    "data": Download,
    "digits": Annotated[list[int], Field(description="The classes, which the stages are made for.")],
    "models": dict[str, dict[str, Any]],
    "training_images": Annotated[
        Count, Field(description="Number of training images, the first ones."), Paper("60000")
    ],
    "vae": VAETraining,
    "classifiers": dict[str, ClassifierTraining],
    "class_scalars": ClassScalars,
    "clean_images": Annotated[Count, Field(description="Number of clean test images, the first ones."), Paper("10000")],
    "calibration": Calibration,
    "pgd_accuracy": PGD,
    "paper_bounds": PaperBoundsSettings,
    "bounds": BoundsSettings,
    "bounds_check": CheckSettings,
    "evaluation": Evaluation,
    "attacks": dict[str, AttackBlock],
    "cells": Cells,
    "distal": DistalSettings,
    "vae_health": VAEHealth,
    "report": ReportSettings,
    "agreement_images": Annotated[
        Count, Field(description="Number of each model's closest L2 adversarials that all models are shown.")
    ],
    "claims": ClaimSettings,
    "protocol_verdict": ProtocolVerdict,
    "search_attack": SearchAttack,
    "nearest_neighbor_bounds": NearestNeighborBounds,
    "ablation": Ablation,
    "seeds": Seeds,
}


def check(path: Path) -> None:
    """Check every key and value of a params.yaml, and whether the blocks fit together.

    Raises:
        UserError: what is wrong first, in the order of the blocks.
    """
    values, settings = read_whole(BLOCKS, path)
    try:
        _check_numbers(read_tree(path))
        _check_names(values)
        _check_digits(values["digits"])
        _check_models(values)
        _check_attacks(values["attacks"], settings)
        check_rows(values["attacks"])
        check_cells(values, settings)
        _check_bounds(values["cells"])
        _check_seeds(values, settings)
        _check_counts(values)
    except WrongError as wrong:
        raise UserError(f"{path}: {wrong}") from None


class WrongError(Exception):
    """What is wrong, without the file's name."""


def _check_numbers(tree: Any, key: str = "") -> None:
    """No number is infinite, and each seed is one that all libraries take."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in parts:
        where = f"{key}.{name}" if key else str(name)
        if isinstance(value, float) and not math.isfinite(value):
            raise WrongError(f"{where} is {value}; give a finite number.")
        seed = "seed" in (name, key.rpartition(".")[2].removesuffix("s")) or where == "order"
        if seed and isinstance(value, int) and not 0 <= value < SEEDS:
            raise WrongError(f"{where} is {value}; give a seed from 0 to {SEEDS - 1}.")
        _check_numbers(value, where)


def _check_names(values: dict[str, Any]) -> None:
    for kind in ("models", "attacks"):
        for name in values[kind]:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED:
                raise WrongError(
                    f"{kind}.{name} can't be named so: small letters, digits and underscores, but not"
                    f" {' or '.join(RESERVED)}; rename it."
                )
    for name, block in values["attacks"].items():
        if block.label.startswith(ALL):
            raise WrongError(f"attacks.{name}.label: rows over several attacks begin with {ALL.strip()}; rename it.")


def _check_digits(digits: list[int]) -> None:
    if digits != list(range(10)):
        raise WrongError("digits lists what the stages are made for; leave it as it is.")


def _check_models(values: dict[str, Any]) -> None:
    models, classifiers = values["models"], values["classifiers"]
    for name, block in models.items():
        if block["module"] == "trained" and name not in classifiers:
            raise WrongError(f"models.{name} is trained, but classifiers has no block {name}; add it.")
    for name in classifiers:
        if models.get(name, {}).get("module") != "trained":
            raise WrongError(
                f"classifiers.{name} trains no model; add models.{name}, with module: trained, or remove it."
            )
    for name in MODEL_LABELS:
        if name not in models:
            raise WrongError(f"models has no block {name}, which tables and figures show; add it.")
    for name, block in models.items():
        if block.get("inference", {}).get("principal_components", 0) > PIXELS:
            raise WrongError(f"models.{name}.inference.principal_components: an image has {PIXELS} pixels; lower it.")
        if "references" in block and set(block["references"]) != set(REFERENCES):
            raise WrongError(f"models.{name}.references: name the files {' and '.join(REFERENCES)}.")


def _check_attacks(attacks: dict[str, AttackBlock], settings: dict[str, AttackSettings]) -> None:
    for name, each in settings.items():
        if getattr(each, "sees", None) not in get_args(Sees):
            raise WrongError(
                f"attacks.{name}: the Settings in params/attacks/{attacks[name].module}.py don't say what the attack"
                f" sees; add sees: ClassVar[Sees] = one of {', '.join(get_args(Sees))}."
            )


def check_rows(attacks: dict[str, AttackBlock]) -> None:
    """No two blocks are the same row of a table.

    Raises:
        WrongError: two are.
    """
    seen: dict[tuple[Norm, str], str] = {("l2", BOUND_GUIDED_LABEL): BOUND_GUIDED}
    for name, block in attacks.items():
        other = seen.setdefault((block.norm, block.label), name)
        if other != name:
            raise WrongError(f"attacks.{name} and {other} have the same norm and label; rename one.")


def check_cells(values: dict[str, Any], settings: dict[str, AttackSettings]) -> None:
    """The blocks models, cells, bounds, attacks and report fit together.

    Args:
        settings: of each block of attacks.

    Raises:
        WrongError: they don't.
    """
    models, cells, everything = values["models"], values["cells"], values["report"].all
    lists = {
        "attack": cells.attack, "attack_latents": cells.attack_latents, "attack_networks": cells.attack_networks,
        "attack_fast": cells.attack_fast, "attack_amortised": cells.attack_amortised, "transfer": cells.transfer,
    }  # fmt: skip
    for stage, each in lists.items():
        for attack in each.attacks:
            if attack not in settings:
                raise WrongError(f"cells.{stage}.attacks: there is no block attacks.{attack}; correct it.")
            if settings[attack].needs and stage != "transfer":
                raise WrongError(f"cells.{stage}.attacks: {attack} needs another model; put it under cells.transfer.")
            if settings[attack].sees == "latents" and stage != "attack_latents":
                raise WrongError(f"cells.{stage}.attacks: {attack} sees latents; put it under cells.attack_latents.")
            for needed in settings[attack].needs:
                if needed not in models:
                    raise WrongError(f"models has no block {needed}, which attacks.{attack} needs; add it.")
    for stage, each in {**lists, "bounds": cells.bounds}.items():
        for model in each.models:
            if model not in models:
                raise WrongError(f"cells.{stage}.models: there is no block models.{model}; correct it.")
            if stage in ("attack_latents", "bounds") and "inference" not in models[model]:
                raise WrongError(f"cells.{stage}.models: {model} has no latents; remove it.")
    twice = [cell for cell in cells.attacks() if cells.attacks().count(cell) > 1]
    if twice:
        raise WrongError(f"cells: {twice[0][1]} on {twice[0][0]} stands in two lists; remove one.")
    for model in cells.bounds.models:
        if model not in values["bounds"].images:
            raise WrongError(f"bounds.images has no {model}, whose bounds cells asks for; add it.")
    for kind, names in everything:
        for name in names:
            if name not in settings and name != BOUND_GUIDED:
                raise WrongError(f"report.all.{kind}: there is no block attacks.{name}; correct it.")


def _check_bounds(cells: Cells) -> None:
    if "abs" not in cells.bounds.models:
        raise WrongError("cells.bounds.models has no abs, whose bounds the claims and the page need; add it.")


def _check_seeds(values: dict[str, Any], settings: dict[str, AttackSettings]) -> None:
    for model in values["seeds"].models:
        if model not in values["classifiers"]:
            raise WrongError(f"seeds.models: there is no block classifiers.{model}; correct it.")
    for attack in values["seeds"].attacks:
        if attack not in settings:
            raise WrongError(f"seeds.attacks: there is no block attacks.{attack}; correct it.")
        if settings[attack].needs or settings[attack].needs_images or settings[attack].sees == "latents":
            raise WrongError(f"seeds.attacks: {attack} needs more than the model; remove it.")


def _check_counts(values: dict[str, Any]) -> None:
    overshoots = values["evaluation"].overshoots
    if not overshoots or min(overshoots) < 1:
        raise WrongError("evaluation.overshoots: adversarials are lengthened by factors of at least 1; correct it.")
    counts = {
        "clean_images": (values["clean_images"], TEST_IMAGES),
        "calibration.images": (values["calibration"].images, TEST_IMAGES),
        "pgd_accuracy.images": (values["pgd_accuracy"].images, TEST_IMAGES),
        "paper_bounds.images": (values["paper_bounds"].images, TEST_IMAGES),
        **{f"bounds.images.{name}": (n, TEST_IMAGES) for name, n in values["bounds"].images.items()},
        "bounds_check.images": (values["bounds_check"].images, TEST_IMAGES),
        "nearest_neighbor_bounds.images": (values["nearest_neighbor_bounds"].images, TEST_IMAGES),
        "ablation.images": (values["ablation"].images, TEST_IMAGES),
        "protocol_verdict.clean_images": (values["protocol_verdict"].clean_images, TEST_IMAGES),
        "training_images": (values["training_images"], TRAINING_IMAGES),
        "class_scalars.images": (values["class_scalars"].images, TRAINING_IMAGES),
        "evaluation.start_images": (values["evaluation"].start_images, TRAINING_IMAGES),
    }
    for key, (count, most) in counts.items():
        if count > most:
            raise WrongError(f"{key}: there are {most} images, not {count}; lower it.")
    attacked = TEST_IMAGES - values["calibration"].images
    for name, block in values["attacks"].items():
        if block.samples > attacked:
            raise WrongError(f"attacks.{name}.samples: {attacked} images are left beside the calibration's; lower it.")
