"""Amortised ABS: a copy of the VAEs of ABS."""

import shutil

from analysis_by_synthesis.networks.decoders import weight_files
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    for path in weight_files(project.models / "abs"):
        shutil.copyfile(path, project.models / "abs_amortised" / path.name)


if __name__ == "__main__":
    run(main)
