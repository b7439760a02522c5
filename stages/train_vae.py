"""Train the VAE of one class: weights and learning curve."""

from typing import Any

import pandas as pd
import torch

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.params.base import Count
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.vae import VAETraining
from analysis_by_synthesis.pipeline.card import write_card
from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.code import recorded
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.work import Steps, Work
from analysis_by_synthesis.training.vae import train


def main(project: Project, digit: str) -> Steps:
    seed, n, settings = read({"seed": int, "training_images": Count, "vae": VAETraining}, project.params)
    if digit not in [str(c) for c in range(10)]:
        raise UserError(f"there is no digit {digit}; the digits are 0 to 9.")
    code = recorded(project, "stages.train_vae")
    parameters = {"seed": seed, "training_images": n, "settings": settings, "digit": digit}
    checkpoints = Checkpoints(f"training/vae_{digit}", code, parameters, [project.mnist], project.work)
    images, labels = (part[:n] for part in load("train", project.mnist))
    chosen = images[labels == int(digit)]
    label = f"VAE of class {digit}"

    def training() -> dict[str, Any]:
        seed_of_class = seed + 1000 * int(digit)
        torch.manual_seed(seed_of_class)
        vae, history, seconds = train(VAE(), chosen.to(device()), settings, seed_of_class, checkpoints, label)
        return {"weights": vae.state_dict(), "history": history, "seconds": seconds}

    (trained,) = yield Work(checkpoints, {"trained": training}, len(chosen), label)
    vae, history = VAE(), trained["history"]
    vae.load_state_dict(trained["weights"])
    save_weights(vae, project.models / "abs" / f"{digit}.safetensors")
    write_csv(project.plots / "training" / "vae" / f"{digit}.csv", pd.DataFrame(history))
    facts = {"samples": len(chosen), "seed": seed}
    write_card(project.training / f"vae_{digit}.json", code, **checkpoints.origin(), **facts)
    checkpoints.discard()
    print(f"{label}: loss {history[-1]['loss']:.4g} in the last epoch")


if __name__ == "__main__":
    run(main)
