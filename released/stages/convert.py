"""The authors' networks as ours, and a second Binary CNN: their code evaluates the CNN's weights on binarised images."""

import shutil

from analysis_by_synthesis.networks.convert import convert_all
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    convert_all(project.root / "downloads", project.models)
    weights = "weights.safetensors"
    (project.models / "binarized_cnn").mkdir(exist_ok=True)
    shutil.copyfile(project.models / "cnn" / weights, project.models / "binarized_cnn" / weights)


if __name__ == "__main__":
    run(main)
