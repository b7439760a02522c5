"""Figure 1's content: the ten reconstructions of a few random test images."""

from analysis_by_synthesis.calibration.softmax import posterior
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.data.order import in_order
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import with_latents
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.reporting.figure1 import IMAGES, draw


def main(project: Project) -> None:
    (order,) = read({"order": int}, project.params)
    recorded(project, "stages.figure1", "models.abs")
    where, chosen = device(), in_order(order)[:IMAGES]
    images, labels = (part[chosen] for part in load("test", project.mnist))
    inference = with_latents(load_model("abs", project.models, where)).inference
    distances, latents = inference.infer(images.to(where), search="arbiter")
    softmax = read_json(project.metrics / "calibration/abs.json")
    p = posterior(-distances.cpu().numpy(), softmax["alpha"], softmax["eta"])
    draw(images, labels, distances, inference.reconstruct(latents), p, project.plots / "figure1.png")
    print("Figure 1 is drawn")


if __name__ == "__main__":
    run(main)
