"""Draw samples of every decoder."""

from pathlib import Path

from analysis_by_synthesis.networks.decoders import load_decoders
from analysis_by_synthesis.params import read
from analysis_by_synthesis.reporting.vae_samples import draw
from analysis_by_synthesis.stage import run


def main() -> None:
    (seed,) = read({"seed": int})
    draw(load_decoders(Path("models")), seed, Path("plots/vae_samples.png"))


if __name__ == "__main__":
    run(main)
