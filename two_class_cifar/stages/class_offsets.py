"""class_offsets.json of ABS: the constants of the classes that its distances leave out, fitted to held-out training images."""

import time

import torch

from analysis_by_synthesis.calibration.class_offsets import fit_class_offsets
from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.inference import build_inference
from analysis_by_synthesis.models.abs import OFFSETS
from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params.models.abs import Config
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.training.vae import parted, seed_of


def main(project: Project) -> None:
    seed, config, training = read({"seed": int, "models.abs": Config, "vae": VAETraining}, project.params)
    code = recorded(project, "stages.class_offsets", "networks.abs")
    began, where, folder = time.perf_counter(), device(), project.models / "abs"
    images, labels = dataset(project).load("train")
    held_out = [
        parted(images[labels == label], training.held_out, seed_of(label, seed))[1] for label in range(config.classes)
    ]
    decoders = [decoder.to(where) for decoder in load_decoders(folder, config.network, config.classes)]
    inference = build_inference(decoders, config.inference)
    distances = inference.infer(torch.cat(held_out).to(where), search="arbiter").distance.cpu().numpy()
    known = torch.arange(config.classes).repeat_interleave(training.held_out).numpy()
    offsets = fit_class_offsets(distances, known)
    write_json(folder / OFFSETS, {"offset": [round(value, 4) for value in offsets.tolist()]})
    seconds = time.perf_counter() - began
    write_card(
        project.training / "class_offsets.json", code, device_name(where), seconds, samples=len(known), seed=seed
    )
    print(f"offsets: {', '.join(f'{value:.2f}' for value in offsets)}")


if __name__ == "__main__":
    run(main)
