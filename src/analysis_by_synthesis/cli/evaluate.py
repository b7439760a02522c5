"""Other weights through the same evaluation as the committed ones."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.calibration.class_scalars import fit_binary_abs
from analysis_by_synthesis.data.mnist import dataset, load
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.evaluation.statistics import median
from analysis_by_synthesis.models import BATCH, load_model, predict
from analysis_by_synthesis.models.binary_abs import FILE
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.check import check
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.data import TEST_IMAGES
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.reader import read, read_tree
from analysis_by_synthesis.pipeline.code import fingerprints
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.progress import progress
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import complete
from analysis_by_synthesis.pipeline.tables import read_records, write_csv

CONFIG = "config.json"
CLEAN = "clean"  # stands in the name of a cell for no attack


def evaluate(project: Project, weights: Path, output: Path, names: list[str], samples: int | None) -> pd.DataFrame:
    """The named cells for the models in `weights`, beside those of the project.

    Args:
        project: that has the parameters, MNIST, and whatever `weights` lacks.
        weights: laid out as the project's models.
        output: all that is written goes to this folder; finished chunks stay there, and another call goes on from them.
        names: <model>-<attack>, of a folder of `weights` and a block of `attacks` in params.yaml; <model>-clean is the
            accuracy on clean images.
        samples: images of each cell; as many as params.yaml says if None.

    Returns:
        a row per cell: cell, n, measure ("median l2", "accuracy"), value, and committed: that of the project's own model
        on the same images, nan where it has no records of them.

    Raises:
        UserError: there is no such cell, a model is missing or wrong, or the output can't be written to.
    """
    check(project.params)
    seed, order, evaluation, clean_images, calibration = read({
        "seed": int, "order": int, "evaluation": Evaluation, "clean_images": Count, "calibration.images": Count,
    }, project.params)  # fmt: skip
    experiment, cells = Experiment(seed=seed, order=order, evaluation=evaluation), _cells(project, names)
    loaded = {attack: _attack(project, attack) for _, attack in cells.values() if attack != CLEAN}
    needed = {name for _, attack in loaded.values() for name in attack.settings.needs if (weights / name).is_dir()}
    made = Project(output)
    _check_folders(weights, made)
    asked = {
        name: samples or (clean_images if attack == CLEAN else loaded[attack][0].samples)
        for name, (_, attack) in cells.items()
    }
    for name, (model, attack_name) in cells.items():
        clean = attack_name == CLEAN
        most = TEST_IMAGES - (0 if clean else calibration)
        if asked[name] > most:
            raise UserError(f"{name}: there are {most} images, not {asked[name]}; ask for fewer samples.")
        _check_records(made.clean / f"{model}.csv" if clean else made.attacks / f"{name}.csv", asked[name])
    models = {model for model, _ in cells.values()} | needed
    _collect(project, weights, made, models)
    _link_images(project, made)
    _check_models(weights, made, models)
    rows = []
    for name, (model, attack_name) in cells.items():
        if attack_name == CLEAN:
            rows.append({"cell": name} | _clean(project, made, model, asked[name]))
            continue
        block, attack = loaded[attack_name]
        others = {other: (made if other in needed else project).models / other for other in attack.settings.needs}
        code = fingerprints(project, [f"attacks.{attack_name}", *(f"models.{each}" for each in (model, *others))])
        n, stem = asked[name], made.attacks / name
        here = _committed(project.attacks / f"{name}.csv", block.norm)
        complete(experiment.run(made.models / model, attack, n, code, stem, dataset(project.mnist), made.work, others))
        distances = read_records(made.attacks / f"{name}.csv")[block.norm]
        committed = median(here.reindex(distances.index).to_numpy()).value
        values = {"value": median(distances.to_numpy()).value, "committed": committed}
        rows.append({"cell": name, "n": n, "measure": f"median {block.norm}"} | values)
    return pd.DataFrame(rows)


def _cells(project: Project, names: list[str]) -> dict[str, tuple[str, str]]:
    """Model and attack of each cell."""
    tree, cells = read_tree(project.params), {}
    for name in names:
        model, _, attack = name.partition("-")
        if model not in tree["models"] or attack not in (*tree["attacks"], CLEAN):
            raise UserError(
                f"there is no cell {name}; name <model>-<attack>, of models and attacks in {project.params},"
                f" or <model>-{CLEAN}."
            )
        cells[name] = (model, attack)
    return cells


def _attack(project: Project, name: str) -> tuple[AttackBlock, Attack[AttackSettings]]:
    (block,) = read({f"attacks.{name}": AttackBlock}, project.params)
    return block, load_attack(f"attacks.{name}", block, project.params)


def _check_folders(weights: Path, made: Project) -> None:
    if not weights.is_dir():
        raise UserError(f"{weights} is not a folder of weights; lay it out as models/ is.")
    if made.params.exists():
        raise UserError(
            f"{made.root} is a project, whose results would be replaced; name another folder for the output."
        )


def _check_records(path: Path, n: int) -> None:
    """Records of more images than are asked for would be lost."""
    if path.exists() and (there := len(_committed(path, "label"))) > n:
        raise UserError(f"{path} has {there} images; ask for as many samples, or name another folder for the output.")


def _collect(project: Project, weights: Path, made: Project, names: set[str]) -> None:
    """Copy the models' folders to the output, completed by what the project has; a file that is there is never replaced."""
    for name in sorted(names):
        source, target = weights / name, made.models / name
        fits = name == "binary_abs" and not (source / FILE).exists()  # to the VAEs of ABS, as the pipeline does
        holder = weights / "abs" if fits else source
        if not holder.is_dir():
            raise UserError(f"{weights} has no folder {holder.name}; lay it out as models/ is.")
        config = source / CONFIG if (source / CONFIG).exists() else project.models / name / CONFIG
        for path in (config, *(path for path in holder.iterdir() if path.is_file() and path.name != CONFIG)):
            _copy(path, target / path.name)
        if fits and not (target / FILE).exists():
            (settings,), where = read({"class_scalars": ClassScalars}, project.params), device()
            fit_binary_abs(
                weights / "abs", target, settings, *(part.to(where) for part in load("train", project.mnist))
            )


def _link_images(project: Project, made: Project) -> None:
    """The nearest neighbour looks for MNIST beside the models."""
    if project.mnist.is_dir() and not made.mnist.is_symlink() and not made.mnist.exists():
        made.mnist.parent.mkdir(parents=True, exist_ok=True)
        made.mnist.symlink_to(project.mnist.resolve())


def _copy(path: Path, copy: Path) -> None:
    try:
        if not copy.exists():
            with replacing(copy) as partial:
                shutil.copyfile(path, partial)
        elif copy.read_bytes() != path.read_bytes():
            raise UserError(f"{copy} is there, and is not {path}; name another folder for the output.")
    except OSError as error:
        said = "mend that" if error.filename == str(path) else "name another folder for the output"
        raise UserError(f"{path} can't be copied to {copy} ({error.strerror}: {error.filename}); {said}.") from None


def _check_models(weights: Path, made: Project, names: set[str]) -> None:
    """Can they be loaded? What can't is named by its place in `weights`."""
    for name in sorted(names):
        try:
            load_model(name, made.models)
        except UserError as error:
            what, _, _ = str(error).replace(str(made.models), str(weights)).partition(";")
            raise UserError(f"{what}; correct {weights}, and name another folder for the output.") from None


def _clean(project: Project, made: Project, name: str, n: int) -> dict[str, Any]:
    where, here = device(), _committed(project.clean / f"{name}.csv", "predicted")
    model = load_model(name, made.models, where)
    images, labels = (part[:n] for part in load("test", project.mnist))
    parts = progress(images.split(BATCH), f"{name}, clean images")
    predicted = torch.cat([predict(model, part.to(where)).cpu() for part in parts])
    table = pd.DataFrame({"image": range(n), "label": labels, "predicted": predicted})
    write_csv(made.clean / f"{name}.csv", table)
    committed = here.reindex(table["image"]).to_numpy()
    right = (committed == labels.numpy()).mean() if not pd.isna(committed).any() else float("nan")
    return {"n": n, "measure": "accuracy", "value": float((predicted == labels).double().mean()), "committed": right}


def _committed(path: Path, column: str) -> pd.Series:
    """What the project's records of its own model say, by test image; nothing where it has none."""
    try:
        return read_records(path)[column].astype(float) if path.exists() else pd.Series(dtype=float)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} can't be read ({error}); take it from git.") from None
