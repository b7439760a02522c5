"""Classify the clean test images with one model."""

import time

import pandas as pd

from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.models import load_model, predict
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv


def main(project: Project, model: str) -> None:
    (n,) = read({"clean_images": Count}, project.params)
    code = recorded(project, "stages.classify", f"models.{model}")
    began, where = time.perf_counter(), device()
    images, labels = (part[:n] for part in dataset(project).load("test"))
    predicted = predict(load_model(model, project.models, where), images.to(where)).cpu()
    table = pd.DataFrame({"image": range(n), "label": labels, "predicted": predicted})
    write_csv(project.clean / f"{model}.csv", table)
    write_card(project.clean / f"{model}.json", code, device_name(where), time.perf_counter() - began, samples=n)
    print(f"{model}: {(predicted == labels).double().mean():.2%} of {n} clean images are classified correctly")


if __name__ == "__main__":
    run(main)
