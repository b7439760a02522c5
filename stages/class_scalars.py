"""Binary ABS: the decoders of ABS, and gamma, its class scalars, fitted on training images; what they are worth on test images."""

import time

from analysis_by_synthesis.calibration.class_scalars import fit_binary_abs, gain
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.class_scalars import ClassScalars
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    settings, clean = read({"class_scalars": ClassScalars, "clean_images": Count}, project.params)
    code = recorded(project, "stages.class_scalars")
    began, where = time.perf_counter(), device()
    images, labels = (part.to(where) for part in load("train", project.mnist))
    model = fit_binary_abs(project.models / "abs", project.models / "binary_abs", settings, images, labels)
    images, labels = (part[:clean].to(where) for part in load("test", project.mnist))
    accuracy = gain(model, images, labels)
    write_json(project.metrics / "class_scalars.json", {"images": clean, **accuracy})
    seconds = time.perf_counter() - began
    write_card(project.training / "class_scalars.json", code, device_name(where), seconds, samples=settings.images)
    print(
        f"Binary ABS: {accuracy['with_gamma']:.2%} of clean images with gamma, {accuracy['without_gamma']:.2%} without"
    )


if __name__ == "__main__":
    run(main)
