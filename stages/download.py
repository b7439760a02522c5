"""Download project.mnist: four verified IDX files."""

from analysis_by_synthesis.data.sources import download
from analysis_by_synthesis.params.data import Download
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    (settings,) = read({"data": Download}, project.params)
    download(settings, project.mnist)


if __name__ == "__main__":
    run(main)
