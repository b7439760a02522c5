"""How often a longer search finds a lower minimum than the arbiter's, on test images."""

import time

from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.evaluation.convergence import converge
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.networks.decoders import load_vaes
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.two_class_cifar import Convergence
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv


def main(project: Project) -> None:
    order, settings = read({"order": int, "convergence": Convergence}, project.params)
    code = recorded(project, "stages.convergence", "models.abs")
    began, where = time.perf_counter(), device()
    images, labels = dataset(project).load("test")
    chosen = in_order(order, len(labels))[: settings.images]
    model = with_latents(load_model("abs", project.models, where))
    vaes = [vae.to(where) for vae in load_vaes(project.models / "abs", "cifar_vae", model.classes)]
    found = converge(model, vaes, images[chosen].to(where), chosen, settings)
    write_csv(project.results / "convergence.csv", found)
    seconds = time.perf_counter() - began
    write_card(project.results / "convergence.json", code, device_name(where), seconds, len(chosen))


if __name__ == "__main__":
    run(main)
