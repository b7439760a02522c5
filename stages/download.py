"""Download MNIST: four verified IDX files."""

from analysis_by_synthesis.data.mnist import MNIST
from analysis_by_synthesis.data.sources import download
from analysis_by_synthesis.params.data import Download
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.stage import run


def main() -> None:
    (settings,) = read({"data": Download})
    download(settings, MNIST)


if __name__ == "__main__":
    run(main)
