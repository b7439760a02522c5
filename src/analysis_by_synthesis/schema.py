"""The whole of params.yaml, typed. `python -m analysis_by_synthesis.schema` checks it before hours of work begin."""

from importlib import import_module
from typing import Any

import yaml

from analysis_by_synthesis.bounds.paper import PaperBoundsSettings
from analysis_by_synthesis.bounds.records import BoundsSettings, CheckSettings
from analysis_by_synthesis.calibration import Calibration, ClassScalars
from analysis_by_synthesis.data.sources import Download
from analysis_by_synthesis.distal.ascent import DistalSettings
from analysis_by_synthesis.evaluation.runner import Evaluation
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.inference import InferenceSettings
from analysis_by_synthesis.models import MODELS
from analysis_by_synthesis.params import PARAMS_FILE, Count, read
from analysis_by_synthesis.pgd_accuracy import PGD
from analysis_by_synthesis.reporting.records import Cell
from analysis_by_synthesis.reporting.table1 import ReportSettings
from analysis_by_synthesis.reporting.vae_health import VAEHealth
from analysis_by_synthesis.stage import Problem, run
from analysis_by_synthesis.training.classifier import ClassifierTraining
from analysis_by_synthesis.training.vae import VAETraining

BLOCKS: dict[str, Any] = {
    "seed": int,
    "data": Download,
    "digits": list[int],
    "models": dict[str, list[str]],
    "training_images": Count,
    "vae": VAETraining,
    "classifiers": dict[str, ClassifierTraining],
    "inference": InferenceSettings,
    "class_scalars": ClassScalars,
    "clean_images": Count,
    "calibration": Calibration,
    "pgd_accuracy": PGD,
    "paper_bounds": PaperBoundsSettings,
    "bounds": BoundsSettings,
    "bounds_check": CheckSettings,
    "evaluation": Evaluation,
    "attacks": dict[str, dict[str, Any]],
    "cells": dict[str, dict[str, Cell]],
    "distal": DistalSettings,
    "vae_health": VAEHealth,
    "report": ReportSettings,
}


def check() -> None:
    """Check every key and value of params.yaml.

    Raises:
        Problem: a key is unknown or missing, or a value has the wrong type or is impossible.
    """
    values = dict(zip(BLOCKS, read(BLOCKS)))
    for key in yaml.safe_load(PARAMS_FILE.read_text()):
        if key not in BLOCKS:
            raise Problem(f"{PARAMS_FILE} has the unknown key {key}; remove or correct it.")
    models = [model for group in values["models"].values() for model in group]
    if models != list(MODELS) or values["digits"] != list(range(10)):
        raise Problem(f"{PARAMS_FILE}: models and digits list what the stages are made for; leave them as they are.")
    settings: dict[str, type[AttackSettings]] = {}
    for group, cells in values["cells"].items():
        for name, cell in cells.items():
            key = f"cells.{group}.{name}"
            found = _attack_settings(key, name, cell)
            if settings.setdefault(f"attacks.{cell.attack}", found) is not found:
                raise Problem(f"{PARAMS_FILE}: {key}.module is not that of other cells of {cell.attack}; correct it.")
    read(settings)


def _attack_settings(key: str, name: str, cell: Cell) -> type[AttackSettings]:
    if name != f"{cell.model}-{cell.attack}" or cell.model not in MODELS:
        raise Problem(
            f"{PARAMS_FILE}: {key} has to be named <model>-<attack>, of one of the models {', '.join(MODELS)}."
        )
    try:
        return import_module(f"analysis_by_synthesis.attacks.{cell.module}").Settings
    except ModuleNotFoundError:
        raise Problem(f"{PARAMS_FILE}: {key}.module: there is no attack module {cell.module}; correct it.") from None


if __name__ == "__main__":
    run(check)
