"""Classify the clean test images with one model."""

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work


def main(project: Project, model: str) -> Steps:
    (n,) = read({"clean_images": Count}, project.params)
    code = recorded(project, "stages.classify", f"models.{model}")
    data = dataset(project)
    inputs = [project.models / model, *data.paths("test")]
    checkpoints = Checkpoints(f"classify/{model}", code, {"images": n}, inputs, project.work)
    images, labels = (part[:n] for part in data.load("test"))

    def classification() -> dict[str, Tensor]:
        where = device()
        return {"predicted": predict(load_model(model, project.models, where), images.to(where)).cpu()}

    (found,) = yield Work(checkpoints, {"predicted": classification}, n, f"{model}, clean images")
    predicted = found["predicted"]
    table = pd.DataFrame({"image": range(n), "label": labels, "predicted": predicted})
    write_csv(project.clean / f"{model}.csv", table)
    write_card(project.clean / f"{model}.json", code, samples=n, **checkpoints.origin())
    checkpoints.forget_others()
    print(f"{model}: {(predicted == labels).double().mean():.2%} of {n} clean images are classified correctly")


if __name__ == "__main__":
    run(main)
