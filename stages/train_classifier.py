"""Train one classifier: weights and learning curve."""

from pathlib import Path

import pandas as pd

from analysis_by_synthesis.data.mnist import MNIST, load
from analysis_by_synthesis.networks.weights import save_weights
from analysis_by_synthesis.params import Count, read
from analysis_by_synthesis.stage import device, replacing, run
from analysis_by_synthesis.training.classifier import ClassifierTraining, train
from analysis_by_synthesis.work import Work


def main(name: str) -> None:
    seed, n, settings = read({"seed": int, "training_images": Count, f"classifiers.{name}": ClassifierTraining})
    work = Work(f"train_classifier-{name}", [seed, n, settings], [MNIST])
    images, labels = (part[:n].to(device()) for part in load("train"))
    network, history = train(name, images, labels, settings, seed, work)
    save_weights(network, Path(f"models/{name}/weights.safetensors"))
    with replacing(Path(f"plots/training/{name}.csv")) as partial:
        pd.DataFrame(history).to_csv(partial, index=False, float_format="%.6g")
    work.discard()


if __name__ == "__main__":
    run(main)
