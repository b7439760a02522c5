"""The thirteen files that the authors released, from this machine or from their repository."""

from analysis_by_synthesis.networks.released import download
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.released import Download
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    (settings,) = read({"released": Download}, project.params)
    download(settings, project.root / "downloads")


if __name__ == "__main__":
    run(main)
