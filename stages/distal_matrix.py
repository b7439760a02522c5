"""Ascents of one model to every class, from several kinds of image."""

from functools import cache, partial

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distal.ascent import Climber
from analysis_by_synthesis.distal.matrix import CLASSES, begin, judged, of_both
from analysis_by_synthesis.distal.summary import Neighbourhood
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.distal import DistalSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work


def main(project: Project, model: str) -> Steps:
    seed, settings = read({"seed": int, "distal": DistalSettings}, project.params)
    code = recorded(project, "stages.distal_matrix", f"models.{model}")
    softmax = project.metrics / "calibration" / f"{model}.json"
    inputs = [project.models / model, softmax, project.mnist]
    checkpoints = Checkpoints(
        f"distal_matrix/{model}", code, {"seed": seed, "settings": settings}, inputs, project.work
    )
    train, test = load("train", project.mnist), load("test", project.mnist)

    @cache
    def classifier() -> tuple[Classifier, float, float]:
        calibration = read_json(softmax)
        return load_model(model, project.models, device()), calibration["alpha"], calibration["eta"]

    def climb(target: int) -> dict[str, Tensor]:
        climber = Climber(*classifier(), settings.model_copy(update={"target": target}))
        starts = begin(settings.matrix, target, *test, seed).to(device())
        return {key: value.cpu() for key, value in climber.ascend(starts, settings.exact).items()}

    pieces = {str(target): partial(climb, target) for target in range(CLASSES)}
    ascents = CLASSES * len(settings.matrix)
    climbed = yield Work(checkpoints, pieces, ascents, f"{model}, ascents to every class")
    tables = [
        judged(
            target,
            settings.matrix,
            found,
            Neighbourhood(*(images[of_both(labels, target)] for images, labels in (train, test))),
        )
        for target, found in enumerate(climbed)
    ]
    table = pd.concat(tables)
    stem = project.results / "distal_matrix" / model
    write_csv(stem.with_suffix(".csv"), table)
    write_card(stem.with_suffix(".json"), code, **checkpoints.origin(), samples=ascents, seed=seed)
    checkpoints.forget_others()
    print(
        f"{model}: {table['reached'].sum()} of {ascents} ascents reach p = {settings.confidence}, {table['distal'].sum()} far from the data"
    )


if __name__ == "__main__":
    run(main)
