"""Figure 4 and the tables of the distal adversarials."""

import pandas as pd

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.distal import matrix
from analysis_by_synthesis.distal.ascent import noise
from analysis_by_synthesis.distal.records import read_distal
from analysis_by_synthesis.distal.summary import Neighbourhood, summarise
from analysis_by_synthesis.networks.binarize import binarize
from analysis_by_synthesis.params.distal import DistalSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting.figure4 import SHOWN, draw


def main(project: Project) -> None:
    seed, settings = read({"seed": int, "distal": DistalSettings}, project.params)
    device()
    splits, target = (load("train", project.mnist), load("test", project.mnist)), settings.target
    own = [images[labels == target] for images, labels in splits]
    data, binarised = Neighbourhood(*own), Neighbourhood(*map(binarize, own))
    tables = {model: pd.read_csv(project.results / f"distal_matrix/{model}.csv") for model in MODEL_LABELS}
    write_csv(project.metrics / "distal_matrix.csv", matrix.summarise(tables))
    ascents = {model: read_distal(project.distal / model) for model in MODEL_LABELS}
    summaries = {model: summarise(*found, data, binarised) for model, found in ascents.items()}
    write_json(project.metrics / "distal.json", summaries)
    starts = noise(max(SHOWN.values()), seed)
    draw(ascents, summaries, starts, target, project.plots / "figure4.png")
    print("Figure 4 is drawn")


if __name__ == "__main__":
    run(main)
