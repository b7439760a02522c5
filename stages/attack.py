"""One attack on one model: per-sample records, and the verified adversarials."""

from importlib import import_module
from pathlib import Path

from analysis_by_synthesis.evaluation.records import write_attack
from analysis_by_synthesis.evaluation.runner import AttackCell, Evaluation
from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.models import BINARY, model_module
from analysis_by_synthesis.params import read
from analysis_by_synthesis.stage import device, run
from analysis_by_synthesis.work import Work


def main(model_name: str, attack_name: str, module_name: str, samples: str) -> None:
    attack = import_module(f"analysis_by_synthesis.attacks.{module_name}")
    model_definition = model_module(model_name)
    seed, evaluation, settings, *model_parameters = read(
        {
            "seed": int,
            "evaluation": Evaluation,
            f"attacks.{attack_name}": attack.Settings,
            **model_definition.PARAMETERS,
        }
    )
    n, name = int(samples), f"{model_name}-{attack_name}"
    work = Work(
        f"attack-{name}", [n, seed, evaluation, settings, *model_parameters], [Path("models") / model_name, MNIST]
    )
    model = model_definition.load(model_name, Path("models"), *model_parameters).to(device())
    images, labels = (part[:n].to(device()) for part in load("test"))
    cell = AttackCell(model, model_name in BINARY, attack.attack, settings, evaluation)
    write_attack(name, cell.run(images, labels, seed, work, label=name))
    work.discard()


if __name__ == "__main__":
    run(main)
