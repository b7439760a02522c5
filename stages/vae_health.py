"""Samples, reconstruction errors and KL divergences of the ten VAEs."""

import pandas as pd

from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.networks.vae import VAE
from analysis_by_synthesis.networks.weights import load_weights
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.vae_health import VAEHealth
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.reporting.vae_health import draw
from analysis_by_synthesis.training.vae_health import LATENTS, SPLITS, examine, samples, summarise


def main(project: Project) -> None:
    seed, settings = read({"seed": int, "vae_health": VAEHealth}, project.params)
    device()
    splits = {split: load(split, project.mnist) for split in SPLITS}
    vaes = [load_weights(VAE(), project.models / "abs" / f"{c}.safetensors") for c in range(10)]
    tables = []
    for c, vae in enumerate(vaes):
        own = {split: images[labels == c][: settings.images] for split, (images, labels) in splits.items()}
        tables.append(examine(vae, own).assign(**{"class": c}))
    health = pd.concat(tables, ignore_index=True)
    write_json(project.metrics / "vae_health.json", summarise(health, settings.active))
    for split, rows in health.groupby("split"):
        of_class = dict(zip(rows["class"].map("class_{}".format), rows[LATENTS].to_numpy()))
        write_csv(
            project.plots / "vae_health" / f"{split}.csv",
            pd.DataFrame({"latent": range(1, len(LATENTS) + 1)} | of_class),
        )
    draw(samples([vae.decoder for vae in vaes], seed), health, project.plots / "vae_health.png")
    errors = health.groupby("split")["reconstruction"].mean()
    print("VAEs: mean reconstruction error " + ", ".join(f"{error:.3g} ({split})" for split, error in errors.items()))


if __name__ == "__main__":
    run(main)
