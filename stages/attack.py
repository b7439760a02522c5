"""One attack on one model: per-sample records, the verified adversarials, and the run card."""

from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.cells import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import ATTACKS, EXPERIMENT, MODELS
from analysis_by_synthesis.pipeline.stage import run


def main(model: str, attack: str) -> None:
    key = f"attacks.{attack}"
    (block,) = read({key: AttackBlock})
    attack_function, settings = load_attack(key, block)
    code = recorded(["stages.attack", key, f"models.{model}", *(f"models.{name}" for name in settings.needs)])
    experiment = Experiment(**read_json(EXPERIMENT))
    experiment.run(MODELS / model, attack_function, settings, block.samples, code, ATTACKS / f"{model}-{attack}")


if __name__ == "__main__":
    run(main)
