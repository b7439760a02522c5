"""What a bound of ABS in L2 without any search over latents would cost: branch and bound over boxes of the latent ball.

Of the test images that have bounds, three: the one that its class explains best, a median one, the first; with the class that is
nearest by (the bound's rival). Written to metrics/certificate.json; another file to write to may be given.
"""

import math
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.bounds.boxes import (
    Box,
    Layers,
    Margin,
    affine,
    descend,
    interval,
    mean_value,
    pulled_back,
)
from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.networks.vae import LATENT_DIM
from analysis_by_synthesis.pipeline.device import device, device_name
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project

SEED = 0
SHARES = (0.0, 0.1, 0.5)  # of the published bound; 0 is the classification alone
METHODS = (interval, mean_value, affine, pulled_back)
LATENTS = 24  # at which the largest box is measured
DESCENTS = 128
RESAMPLES = 2000  # of the descents, for the interval
START = 0.25  # of the ball's radius: half-width of the first boxes
POSITIVE = 0.01  # what a margin has to be more than: float32 rounds E by some 1e-4
RADII = 2.0 ** -(torch.arange(30) / 3)  # from 1 down to 0.0012
MINIMA, STEPS, RATE = 16, 120, 0.1  # runs of Adam for the least margin
EVALUATIONS = 6  # of D and its gradient, which pass the weights twice; a box passes them 11 times
CARD = 3.7e6  # such evaluations a second on one H100 (docs/gpu.md)


def main(output: str = "metrics/certificate.json") -> None:
    generator = torch.Generator().manual_seed(SEED)
    model, bounds = load_model("abs", device=device()), pd.read_csv("results/bounds/abs-l2.csv")
    bounds = bounds[bounds.clean_correct].reset_index(drop=True)
    images, _ = mnist.load("test", Project.here().mnist)
    labels, x = torch.tensor(bounds.label.values), images[torch.tensor(bounds.image.values)].to(device())
    energies, latents = model.inference.infer(x, model.gamma)
    own = energies[torch.arange(len(x)), labels]
    rows = []
    for name, i in {"least D": own.argmin(), "median D": own.argsort()[len(x) // 2], "first": 0}.items():
        i, published = int(i), bounds.loc[int(i)]
        layers = Layers(model.decoders[published.rival])
        decoded = Layers(model.decoders[published.label]).logits(latents[i, labels[i]][None]).sigmoid()[0]
        row = {
            "chosen": name, "image": int(published.image), "label": int(published.label), "class": int(published.rival),
            "own_energy": own[i].item(), "published": float(published.lower),
        }  # fmt: skip
        # the last one is all that this statement, with one latent of the true class and without the pixel box, can give
        for epsilon in (*(share * published.lower for share in SHARES), published.single_without_box):
            margin = Margin(x[i].flatten(), decoded, own[i], float(epsilon))
            measured = {"epsilon": margin.epsilon, "ball": margin.ball.item(), **least(layers, margin, generator)}
            if epsilon != published.single_without_box:
                z = in_ball(LATENTS, margin.ball, generator)
                radii = {method.__name__: largest(layers, margin, z, method) for method in METHODS}
                measured["radius"] = {method: quartiles(found) for method, found in radii.items()}
                measured |= boxes(layers, margin, generator)
            rows.append(row | measured)
            print(rows[-1], flush=True)
            write_json(Path(output), {**settings(), "rows": rounded(rows)})


def settings() -> dict:
    return {
        "seed": SEED, "latents": LATENTS, "descents": DESCENTS, "positive": POSITIVE, "evaluations_per_box": EVALUATIONS,
        "card_evaluations_per_second": CARD, "device": device_name(device()), "torch": torch.__version__,
    }  # fmt: skip


def in_ball(n: int, radius: Tensor, generator: torch.Generator) -> Tensor:
    """Latents (n, 8), uniform in a ball."""
    direction = torch.nn.functional.normalize(torch.randn(n, LATENT_DIM, generator=generator))
    return (direction * torch.rand(n, 1, generator=generator) ** (1 / LATENT_DIM)).to(device()) * radius


def largest(layers: Layers, margin: Margin, z: Tensor, method) -> Tensor:
    """Half-width (B,) of the largest cube around latents (B, 8) in which the method finds the margin positive; 0 if none."""
    found = torch.zeros(len(z), device=z.device)
    for radius in RADII.tolist():
        waiting = (found == 0).nonzero()[:, 0]
        box = Box(z[waiting], torch.full_like(z[waiting], radius))
        found[waiting[margin.below(method(layers, box), box) > POSITIVE]] = radius
    return found


def least(layers: Layers, margin: Margin, generator: torch.Generator) -> dict[str, float]:
    """The least margin that a search finds, how curved it is there, and the largest box around it."""
    z = in_ball(MINIMA, margin.ball, generator).requires_grad_()
    optimizer = torch.optim.Adam([z], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        margin.at(layers, z).sum().backward()
        optimizer.step()
        schedule.step()
    z = z.detach()
    values = margin.at(layers, z)
    best = z[values.argmin()]
    hessian = torch.autograd.functional.hessian(lambda point: margin.at(layers, point[None])[0], best)
    return {
        "least_margin": values.min().item(),
        "norm_of_least": best.norm().item(),
        "least_curvature": torch.linalg.eigvalsh(hessian)[0].item(),
        "largest_curvature": torch.linalg.eigvalsh(hessian)[-1].item(),
        "radius_at_least": largest(layers, margin, best[None], pulled_back).item(),
    }


def boxes(layers: Layers, margin: Margin, generator: torch.Generator) -> dict[str, float]:
    """Of a complete branch and bound, with a 95 % interval by bootstrap (it misses tails that no descent met), and its cost."""
    z = in_ball(DESCENTS, margin.ball, generator)
    before = time.process_time()
    ends, bounded = descend(layers, margin, z, START * margin.ball.item(), POSITIVE)
    seconds = (time.process_time() - before) / bounded
    ball = math.pi**4 / 24 * margin.ball.item() ** LATENT_DIM
    numbers = ball / (2 * ends.radius.double()).prod(1)
    number = numbers.mean().item()
    means = numbers.cpu()[torch.randint(DESCENTS, (RESAMPLES, DESCENTS), generator=generator)].mean(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return {
        "boxes": number, "boxes_low": low, "boxes_high": high, "cpu_seconds_per_box": seconds,
        "cpu_days": 2 * number * seconds / 86400, "card_hours": 2 * number * EVALUATIONS / CARD / 3600,
    }  # fmt: skip


def quartiles(values: Tensor) -> list[float]:
    return values.quantile(torch.tensor([0.25, 0.5, 0.75], device=values.device)).tolist()


def rounded(value):
    """Floats to four digits, wherever they are."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
