"""A cell of Table 1 from models on disk to records on disk: the records, the adversarials and the run card."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.attacks.recorder import Resources
from analysis_by_synthesis.data.dataset import Dataset
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.evaluation.records import write_attack
from analysis_by_synthesis.evaluation.runner import AttackCell, chunks, together
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Block
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.work import Steps, Work


class Experiment(Block):
    """What all cells share.

    Args:
        seed: of the attacks.
        order: seed of the order in which test images are taken.
        evaluation: how samples are attacked.
    """

    seed: int
    order: int
    evaluation: Evaluation

    def run(
        self,
        model: Path,
        attack: Attack[AttackSettings],
        samples: int,
        code: Mapping[str, str],
        stem: Path,
        data: Dataset,
        work: Path,
        others: Mapping[str, Path] | None = None,
    ) -> Steps:
        """Attack a model, chunk by chunk, and write <stem>.csv, .npz and .json.

        Args:
            model: its folder.
            attack: with its settings, which the records depend on.
            samples: the first so many test images of the order are attacked.
            code: fingerprints of the code that runs.
            stem: of the three files; its name and that of its folder name the kept pieces too.
            data: whose test images are attacked.
            work: where finished pieces are kept.
            others: the folders of the models that the attack needs, if they don't lie beside that of the model.
        """
        settings = attack.settings
        needed = {name: (others or {}).get(name, model.parent / name) for name in settings.needs}
        files = data.paths("test", "train") if settings.needs_images else data.paths("test")
        parameters, inputs = {"experiment": self, "settings": settings}, [model, *needed.values(), *files]
        checkpoints = Checkpoints(f"{stem.parent.name}/{stem.name}", code, parameters, inputs, work)
        images, labels = data.load("test")

        @cache
        def cell() -> AttackCell:
            where = device()
            starts, classes = data.load("train") if settings.needs_images else (images[:0], labels[:0])
            n = self.evaluation.start_images
            asked = {name: load_model(folder.name, folder.parent, where) for name, folder in needed.items()}
            resources = Resources(starts[:n].to(where), classes[:n].to(where), asked)
            attacked = load_model(model.name, model.parent, where)
            return AttackCell(attacked, attack, self.evaluation, resources, images.to(where), labels.to(where))

        order, size = in_order(self.order, len(labels)), self.evaluation.chunk_size
        pieces = chunks(order, samples, size, self.seed, lambda chosen, seed: cell().chunk(chosen, seed))
        records = together((yield Work(checkpoints, pieces, samples, stem.name)), samples)
        write_attack(stem, records)
        facts = checkpoints.origin() | {"samples": samples, "seed": self.seed, "order": self.order}
        write_card(stem.with_suffix(".json"), dict(code), **facts)
        checkpoints.forget_others()
        print(_in_one_line(stem.name, records, settings.norm))


def _in_one_line(name: str, records: dict[str, torch.Tensor], norm: str) -> str:
    distances, attacked = records[norm], records["clean_correct"]
    found = int((records["success"] & attacked).sum())
    return (
        f"{name}: median {norm} {distances.double().quantile(0.5):.3g}, {found} of {int(attacked.sum())} images fooled"
    )
