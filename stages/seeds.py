"""A network trained once more with another seed, and how far it withstands attacks."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.attacks.recorder import Resources
from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.evaluation.runner import AttackCell, chunks, together
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.trained import Trained
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.classifiers import ClassifierTraining
from analysis_by_synthesis.params.models.trained import Config
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.seeds import Seeds
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work
from analysis_by_synthesis.training.classifier import fit


def main(project: Project, name: str, seed: str) -> Steps:
    n, clean, model, training, settings = read({
        "training_images": Count, "clean_images": Count, f"models.{name}": Config,
        f"classifiers.{name}": ClassifierTraining, "seeds": Seeds,
    }, project.params)  # fmt: skip
    attacks = {each: _attack(project, each) for each in settings.attacks}
    experiment, data = Experiment(**read_json(project.experiment)), dataset(project)
    code = recorded(project, "stages.seeds", f"networks.{name}", *(f"attacks.{each}" for each in attacks))
    parameters = {
        "seed": seed, "training_images": n, "clean_images": clean, "model": model, "training": training, "seeds": settings,
        "experiment": experiment, **{each: attack.settings for each, attack in attacks.items()},
    }  # fmt: skip
    label = f"{name}, seed {seed}"
    checkpoints = Checkpoints(f"seeds/{name}-{seed}", code, parameters, data.paths("train", "test"), project.work)

    def attacked() -> dict[str, Any]:
        network, _, _ = fit(model, data, n, training, int(seed), checkpoints, label)
        trained = Trained(network, model.binarize).to(device()).eval()
        images, labels = (part.to(device()) for part in data.load("test"))
        resources, order = Resources(images[:0], labels[:0], {}), in_order(experiment.order, len(labels))
        found: dict[str, Tensor] = {"image": torch.tensor(order[: settings.images])}
        for each, attack in attacks.items():
            cell = AttackCell(trained, attack, experiment.evaluation, resources, images, labels)
            pieces = chunks(order, settings.images, experiment.evaluation.chunk_size, experiment.seed, cell.chunk)
            found[each] = together([make() for make in pieces.values()], settings.images)[attack.settings.norm]
        return {"predicted": predict(trained, images[:clean]).cpu(), "found": found}

    (piece,) = yield Work(checkpoints, {"attacked": attacked}, settings.images, label)
    stem = project.results / "seeds" / f"{name}-{seed}"
    _, labels = data.load("test")
    of_clean = {"image": range(clean), "label": labels[:clean], "predicted": piece["predicted"]}
    write_csv(stem.with_name(f"{stem.name}-clean.csv"), pd.DataFrame(of_clean))
    write_csv(stem.with_suffix(".csv"), pd.DataFrame(piece["found"]))
    write_card(stem.with_suffix(".json"), code, **checkpoints.origin(), samples=settings.images, seed=int(seed))
    checkpoints.discard()
    print(f"{label}: {(piece['predicted'] == labels[:clean]).double().mean():.2%} of the clean images")


def _attack(project: Project, name: str) -> Attack[AttackSettings]:
    key = f"attacks.{name}"
    (block,) = read({key: AttackBlock}, project.params)
    return load_attack(key, block, project.params)


if __name__ == "__main__":
    run(main)
