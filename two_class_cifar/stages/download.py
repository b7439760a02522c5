"""CIFAR-10's airplanes and automobiles, from this machine or from the authors' site."""

from pathlib import Path

from analysis_by_synthesis.data.two_class_cifar import Download, download
from analysis_by_synthesis.params import read
from analysis_by_synthesis.pipeline.stage import run


def main() -> None:
    (settings,) = read({"data": Download})
    download(settings, Path("data"), Path(".work/download"))


if __name__ == "__main__":
    run(main)
