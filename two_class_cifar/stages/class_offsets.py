"""class_offsets.json of ABS: the constants of the ELBO that its distances leave out."""

import time

import torch

from analysis_by_synthesis.calibration.class_offsets import class_offset
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.inference import build_inference
from analysis_by_synthesis.models.abs import OFFSETS
from analysis_by_synthesis.networks.decoders import load_vaes
from analysis_by_synthesis.params.models.abs import Config
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.two_class_cifar import Offsets
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run


def main(project: Project) -> None:
    config, settings = read({"models.abs": Config, "class_offsets": Offsets}, project.params)
    code = recorded(project, "stages.class_offsets", "networks.abs")
    began, where, folder = time.perf_counter(), device(), project.models / "abs"
    vaes = [vae.to(where) for vae in load_vaes(folder, config.network, config.classes)]
    inference = build_inference([vae.decoder for vae in vaes], config.inference)
    images, labels = dataset(project).load("train")
    offset = []
    for label, vae in enumerate(vaes):
        of_class = images[labels == label]  # sorted by file name, which says what kind of airplane it is
        chosen = torch.randperm(len(of_class), generator=torch.Generator().manual_seed(settings.seed))[
            : settings.images
        ]
        offset.append(class_offset(vae, inference, of_class[chosen].to(where), label, settings.seed))
    write_json(folder / OFFSETS, {"offset": [round(value, 4) for value in offset]})
    facts = {"samples": settings.images * len(vaes), "seed": settings.seed}
    seconds = time.perf_counter() - began
    write_card(project.training / "class_offsets.json", code, device_name(where), seconds, **facts)
    print(f"offsets: {', '.join(f'{value:.2f}' for value in offset)}")


if __name__ == "__main__":
    run(main)
