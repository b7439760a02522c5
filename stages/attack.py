"""One attack on one model: per-sample records, the verified adversarials, and the run card."""

from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.work import Steps


def main(project: Project, model: str, attack: str) -> Steps:
    key = f"attacks.{attack}"
    (block,) = read({key: AttackBlock}, project.params)
    loaded = load_attack(key, block, project.params)
    needed = (f"models.{name}" for name in loaded.settings.needs)
    code = recorded(project, "stages.attack", key, f"models.{model}", *needed)
    experiment, stem = Experiment(**read_json(project.experiment)), project.attacks / f"{model}-{attack}"
    yield from experiment.run(project.models / model, loaded, block.samples, code, stem, dataset(project), project.work)


if __name__ == "__main__":
    run(main)
