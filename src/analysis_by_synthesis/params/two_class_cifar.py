"""What two_class_cifar/params.yaml says beside the blocks that it shares with params.yaml."""

from pathlib import Path
from typing import Any, Literal

from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.base import Block, Count, Positive, Share
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.classifiers import ClassifierTraining
from analysis_by_synthesis.params.data import CIFARDownload
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.params.whole import read_whole
from analysis_by_synthesis.pipeline.errors import UserError


class Convergence(Block):
    """The block `convergence`: how often a longer search finds a lower minimum."""

    images: Count
    """The first so many test images in the order of all experiments."""
    seed: int
    """Of the candidates among which the longer search starts, others than the model's."""
    starts: Count
    """Of each class."""
    evaluations: Count
    """Of D and its gradient, from each start."""


class Published(Block):
    """What Table 2 says of a model."""

    accuracy: Share
    """Share of the test images that are classified correctly."""
    median: Positive
    """Median L2 distance."""
    attack: str
    """Our attack that is nearest to the paper's."""


class Table(Block):
    """The block `table`."""

    paper: dict[str, Published]
    """The rows of Table 2, by model."""


class Figure(Block):
    """The block `figure`."""

    images: Count
    """Of each class."""


BLOCKS: dict[str, Any] = {
    "dataset": Literal["two_class_cifar"],
    "seed": int,
    "order": int,
    "data": CIFARDownload,
    "classes": list[int],
    "models": dict[str, dict[str, Any]],
    "training_images": Count,
    "vae": VAETraining,
    "classifiers": dict[str, ClassifierTraining],
    "clean_images": Count,
    "convergence": Convergence,
    "evaluation": Evaluation,
    "attacks": dict[str, AttackBlock],
    "cells": dict[Literal["attack"], dict[str, list[str]]],
    "bounds": BoundsSettings,
    "table": Table,
    "figure": Figure,
}


def check(path: Path) -> None:
    """Check two_class_cifar/params.yaml: all keys and values, and whether its blocks fit together.

    Raises:
        UserError: what is wrong first.
    """
    values, _ = read_whole(BLOCKS, path)
    for model, attacks in values["cells"]["attack"].items():
        for attack in attacks:
            if attack not in values["attacks"]:
                raise UserError(f"{path}: cells.attack.{model}: there is no block attacks.{attack}; correct it.")
