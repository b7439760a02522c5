"""Train the VAE of one class: weights and learning curve."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.params import Count, read
from analysis_by_synthesis.stage import device, replacing, run
from analysis_by_synthesis.training.vae import VAETraining, train
from analysis_by_synthesis.work import Work


def main(digit: str) -> None:
    seed, n, settings = read({"seed": int, "training_images": Count, "vae": VAETraining})
    work = Work(f"train_vae-{digit}", [seed, n, settings], [MNIST])
    images, labels = (part[:n] for part in load("train"))
    chosen = images[labels == int(digit)].to(device())
    vae, history = train(chosen, settings, seed + 1000 * int(digit), work, label=f"VAE of class {digit}")
    save_weights(vae, Path(f"models/abs/{digit}.safetensors"))
    with replacing(Path(f"plots/training/vae/{digit}.csv")) as partial:
        pd.DataFrame(history).to_csv(partial, index=False, float_format="%.6g")
    work.discard()


if __name__ == "__main__":
    run(main)
