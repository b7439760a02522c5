"""Train the VAE of one class: weights and learning curve."""

from typing import Any

import pandas as pd
import torch

from analysis_by_synthesis.data.registry import dataset
from analysis_by_synthesis.networks.registry import build_vae
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
from analysis_by_synthesis.training.vae import parted, seed_of, train


def main(project: Project, label: str) -> Steps:
    seed, n, settings, network = read(
        {"seed": int, "training_images": Count, "vae": VAETraining, "models.abs.network": str}, project.params
    )
    data = dataset(project)
    images, labels = (part[:n] for part in data.load("train"))
    if label not in map(str, labels.unique().tolist()):
        raise UserError(f"there is no class {label}; the classes are 0 to {labels.max()}.")
    seed = seed_of(int(label), seed)
    code = recorded(project, "stages.train_vae", "networks.abs")
    parameters = {"seed": seed, "training_images": n, "settings": settings, "label": label}
    checkpoints = Checkpoints(f"training/vae_{label}", code, parameters, data.paths("train"), project.work)
    chosen, _ = parted(images[labels == int(label)], settings.held_out, seed)
    name = f"VAE of class {label}"

    def training() -> dict[str, Any]:
        torch.manual_seed(seed)
        vae, history, seconds = train(build_vae(network), chosen.to(device()), settings, seed, checkpoints, name)
        return {"weights": vae.state_dict(), "history": history, "seconds": seconds}

    (trained,) = yield Work(checkpoints, {"trained": training}, len(chosen), name)
    vae, history = build_vae(network), trained["history"]
    vae.load_state_dict(trained["weights"])
    save_weights(vae, project.models / "abs" / f"{label}.safetensors")
    write_csv(project.plots / "training" / "vae" / f"{label}.csv", pd.DataFrame(history))
    facts: dict[str, Any] = {"samples": len(chosen), "seed": seed}
    write_card(project.training / f"vae_{label}.json", code, **checkpoints.origin(), **facts)
    checkpoints.discard()
    print(f"{name}: loss {history[-1]['loss']:.4g} in the last epoch")


if __name__ == "__main__":
    run(main)
