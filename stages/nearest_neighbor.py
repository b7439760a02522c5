"""Define the nearest-neighbour classifier: which training images it compares with."""

from pathlib import Path

from analysis_by_synthesis.models.nearest_neighbor import fit
from analysis_by_synthesis.stage import run


def main() -> None:
    fit(Path("models"))


if __name__ == "__main__":
    run(main)
