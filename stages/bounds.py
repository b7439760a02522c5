"""The robustness of ABS or Binary ABS in one norm, image by image: lower bounds, and the adversarials that they lead to."""

from analysis_by_synthesis.attacks import bound_guided
from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.evaluation.cell import Experiment
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.bounds import CutSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import BOUNDS, EXPERIMENT, MODELS
from analysis_by_synthesis.pipeline.stage import run


def main(model: str, norm: Norm) -> None:
    if norm not in NORMS:
        raise UserError(f"there is no norm {norm}; the norms are {', '.join(NORMS)}.")
    images, effort = read({f"bounds.images.{model}": Count, "bounds.effort": str})
    (search,) = read({f"bounds.search.{effort}": CutSettings})
    settings = bound_guided.Settings(norm=norm, search=search)
    code = recorded(["stages.bounds", f"models.{model}"])
    experiment = Experiment(**read_json(EXPERIMENT))
    experiment.run(MODELS / model, bound_guided.attack, settings, images, code, BOUNDS / f"{model}-{norm}")


if __name__ == "__main__":
    run(main)
