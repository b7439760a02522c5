"""How many images a second a model classifies, in whichever tree it runs: MODEL THREADS. It prints JSON."""

import json
import sys
import time

import torch

from analysis_by_synthesis.models import load_model

BATCH = 64
SECONDS = 5.0


def main(name: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    model, images = load_model(name), torch.rand(BATCH, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    seen = 0
    with torch.no_grad():
        model(images)
        began = time.perf_counter()
        while (gone := time.perf_counter() - began) < SECONDS:
            model(images)
            seen += BATCH
    print(json.dumps({"images_per_second": seen / gone}))


if __name__ == "__main__":
    main(*sys.argv[1:])
