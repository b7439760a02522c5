"""Accuracy of the adversarially trained network under PGD, in more and smaller steps than in its training."""

import time

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.evaluation.pgd_accuracy import pgd_accuracy
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.params.pgd_accuracy import PGD
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run

MODEL = "madry"


def main(project: Project) -> None:
    seed, order, settings = read({"seed": int, "order": int, "pgd_accuracy": PGD}, project.params)
    code = recorded(project, "stages.pgd_accuracy", f"models.{MODEL}")
    began, where = time.perf_counter(), device()
    chosen = in_order(order)[: settings.images]
    images, labels = (part[chosen].to(where) for part in load("test", project.mnist))
    accuracy = pgd_accuracy(load_model(MODEL, project.models, where), images, labels, settings, seed)
    write_json(project.metrics / "pgd_accuracy.json", {MODEL: accuracy, "images": len(labels)})
    facts = {"samples": len(labels), "seed": seed, "order": order}
    write_card(project.training / "pgd_accuracy.json", code, device_name(where), time.perf_counter() - began, **facts)
    print(f"{MODEL}: {accuracy:.1%} of {len(labels)} images withstand PGD at {settings.epsilon}")


if __name__ == "__main__":
    run(main)
