"""Other weights through the same evaluation: `python -m analysis_by_synthesis.evaluate WEIGHTS OUTPUT CELL ...`.

WEIGHTS is laid out as models/ is: abs/0.safetensors ... abs/9.safetensors, or cnn/weights.safetensors and so on; a model's config.json is
that of this project where WEIGHTS has none. Everything is written to OUTPUT, nothing else is touched, and an interrupted evaluation
goes on when it is started again.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd

from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.evaluation.statistics import median
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.models.binary_abs import FILE, fit
from analysis_by_synthesis.networks.decoders import decoders_digest
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.cells import AttackBlock
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.reader import PARAMS_FILE, read, read_tree
from analysis_by_synthesis.pipeline.code import fingerprints
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import ATTACKS, CLEAN, MODELS
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import read_records, write_csv

BINARY_ABS = "binary_abs"


def evaluate(weights: Path, output: Path, names: list[str], samples: int | None) -> pd.DataFrame:
    """Clean accuracy and the named cells for the models in `weights`.

    Args:
        names: <model>-<attack>, of a folder of `weights` and a block of `attacks` in params.yaml.
        samples: attacked in each cell; as many as params.yaml says if None.

    Returns:
        a row per cell: cell, n, norm, median distance, and of each model the accuracy on clean images.

    Raises:
        UserError: there is no such cell, or no such model.
    """
    seed, order, evaluation, clean_images = read(
        {"seed": int, "order": int, "evaluation": Evaluation, "clean_images": Count}
    )
    experiment, cells = Experiment(seed=seed, order=order, evaluation=evaluation), _cells(names)
    if not weights.is_dir():
        raise UserError(f"{weights} is not a directory of weights; lay it out as models/ is.")
    if output.resolve() == Path.cwd().resolve():
        raise UserError(f"{output} is this project; name another folder for the output.")
    models = _complete(weights, output / "models", {model for model, _ in cells.values()})
    accuracy = {model: _clean_accuracy(folder, output, clean_images) for model, folder in models.items()}
    rows = []
    for name, (model, attack_name) in cells.items():
        key = f"attacks.{attack_name}"
        (block,) = read({key: AttackBlock})
        attack, settings = load_attack(key, block)
        code, stem = fingerprints(keys=[key, f"models.{model}"]), output / ATTACKS / name
        others = {
            needed: weights / needed if (weights / needed).is_dir() else MODELS / needed for needed in settings.needs
        }
        work = output / ".work"
        experiment.run(models[model], attack, settings, samples or block.samples, code, stem, work, others)
        distances = read_records(stem.with_suffix(".csv"))[block.norm].to_numpy()
        found = {"n": len(distances), "norm": block.norm, "median": median(distances).value}
        rows.append({"cell": name, "clean_accuracy": accuracy[model], **found})
    return pd.DataFrame(rows)


def _cells(names: list[str]) -> dict[str, tuple[str, str]]:
    """Model and attack of each cell."""
    tree, cells = read_tree(), {}
    for name in names:
        model, _, attack = name.partition("-")
        if model not in tree["models"] or attack not in tree["attacks"]:
            raise UserError(f"there is no cell {name}; name <model>-<attack>, of models and attacks in {PARAMS_FILE}.")
        cells[name] = (model, attack)
    return cells


def _complete(weights: Path, folder: Path, names: set[str]) -> dict[str, Path]:
    """Copies of the models' folders, completed by this project's configuration where they have none of their own."""
    for name in sorted(names):
        fits = name == BINARY_ABS and not (weights / name / FILE).exists()  # to the VAEs of ABS, as the pipeline does
        source = weights / ("abs" if fits else name)
        if not source.is_dir():
            raise UserError(f"{weights} has no folder {source.name}; lay it out as models/ is.")
        if not fits:
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        (folder / name).mkdir(parents=True, exist_ok=True)
        if not (folder / name / "config.json").exists():
            shutil.copy(MODELS / name / "config.json", folder / name)
        if fits and not _is_fitted(folder / name, source):
            (settings,), where = read({"class_scalars": ClassScalars}), device()
            fit(source, folder / name, settings, *(part.to(where) for part in load("train")))
    return {name: folder / name for name in sorted(names)}


def _is_fitted(folder: Path, vaes: Path) -> bool:
    return (folder / FILE).exists() and read_json(folder / FILE)["vae_sha256"] == decoders_digest(vaes)


def _clean_accuracy(model: Path, output: Path, n: int) -> float:
    path, where = output / CLEAN / f"{model.name}.csv", device()
    images, labels = (part[:n] for part in load("test"))
    predicted = predict(load_model(model.name, model.parent, where), images.to(where)).cpu()
    write_csv(path, pd.DataFrame({"image": range(n), "label": labels, "predicted": predicted}))
    return float((predicted == labels).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m analysis_by_synthesis.evaluate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("cells", nargs="+", metavar="CELL", help="<model>-<attack>, for instance abs-fgsm")
    parser.add_argument(
        "--samples", type=int, help="attacked in each cell, the first so many in the order of all experiments"
    )
    chosen = parser.parse_args()
    print(evaluate(chosen.weights, chosen.output, chosen.cells, chosen.samples).to_string(index=False))


if __name__ == "__main__":
    run(main)
