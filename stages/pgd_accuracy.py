"""Accuracy of the adversarially trained network under the attack that it was trained against."""

from pathlib import Path

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.files import write_json
from analysis_by_synthesis.models import trained
from analysis_by_synthesis.params import read
from analysis_by_synthesis.pgd_accuracy import PGD, pgd_accuracy
from analysis_by_synthesis.stage import device, run


def main() -> None:
    seed, settings = read({"seed": int, "pgd_accuracy": PGD})
    model = trained.load("madry", Path("models")).to(device())
    images, labels = (part[: settings.images].to(device()) for part in load("test"))
    result = {"madry": pgd_accuracy(model, images, labels, settings, seed), "images": len(labels)}
    write_json(Path("metrics/pgd_accuracy.json"), result)


if __name__ == "__main__":
    run(main)
