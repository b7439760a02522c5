"""The robustness of ABS or Binary ABS in one norm, image by image: lower bounds, and the adversarials that they lead to."""

from analysis_by_synthesis.bounds import bound_guided
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.distances import METRICS, Metric
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.attacks.bound_guided import Settings
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.bounds import CutSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.work import Steps


def main(project: Project, model: str, norm: Metric) -> Steps:
    if norm not in METRICS:
        raise UserError(f"there is no norm {norm}; the norms are {', '.join(METRICS)}.")
    images, effort = read({f"bounds.images.{model}": Count, "bounds.effort": str}, project.params)
    (search,) = read({f"bounds.search.{effort}": CutSettings}, project.params)
    attack = bound_guided.Attack(Settings(norm=norm, search=search))
    code = recorded(project, "stages.bounds", f"models.{model}")
    experiment, stem = Experiment(**read_json(project.experiment)), project.bounds / f"{model}-{norm}"
    yield from experiment.run(project.models / model, attack, images, code, stem, dataset(project), project.work)


if __name__ == "__main__":
    run(main)
