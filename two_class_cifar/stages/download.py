"""CIFAR-10's airplanes and automobiles, from this machine or from the authors' site."""

from analysis_by_synthesis.data.two_class_cifar import download
from analysis_by_synthesis.params.data import CIFARDownload
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    (settings,) = read({"data": CIFARDownload}, project.params)
    download(settings, project.root / "data/two_class_cifar", project.work / "download")


if __name__ == "__main__":
    run(main)
