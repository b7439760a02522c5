"""How fast and how good each inference is, interleaved in one run: a table, and metrics/inference_benchmark.json.

On the GPU, where there is one. Another file to write to may be given.
"""

import json
import logging
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from analysis_by_synthesis import cache
from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.inference import (
    Following,
    Inference,
    ReferenceInference,
    build_inference,
    kernels,
)
from analysis_by_synthesis.inference.fast import aligned
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import replacing
from analysis_by_synthesis.pipeline.project import Project

BATCH = 512
ROUNDS = 4  # in each, the reference takes its share of the batch and every other mode all of it
BRACKETED = 256  # images, which give twice as many at the boundary
NEAR = 0.1  # L2 distance of the images that are followed from those at the boundary
BISECTIONS = 7  # of the line to an image of another class
FLOP = 4 * (16 * 8 * 32 + 400 * 32 * 16 + 3025 * 16 * 16 + 625 * 16 * 16)  # of D and its gradient

log = logging.getLogger(__name__)


def main(output: str = "metrics/inference_benchmark.json") -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = load_model("abs", device=device())
    settings, decoders = model.settings, list(model.decoders)
    clean = mnist.load("test", Project.here().mnist)[0][:BATCH].to(device())
    with TemporaryDirectory() as nothing_kept:
        cache.folder = lambda kind: Path(nothing_kept) / kind
        fast, start_up, _ = timed(lambda: build_inference(decoders, settings))
        _, first, _ = timed(lambda: fast.infer(clean[:1]))
        fast_protocol = build_inference(decoders, settings.model_copy(update={"search": "protocol"}))
    fast_protocol.infer(clean[:1])
    reference = ReferenceInference(decoders, settings.model_copy(update={"search": "protocol"}))

    log.info("looking for the boundary")
    boundary = bracketed(fast, clean[:BRACKETED])
    modes = {
        "protocol": lambda: fast_protocol.infer(clean).distance,
        "default": lambda: fast.infer(clean).distance,
        "default, boundary": lambda: fast.infer(boundary).distance,
        "decision": lambda: fast.classify(clean),
        "decision, boundary": lambda: fast.classify(boundary),
        # far from all classes: harder than what attacks show
        "default, inverted": lambda: fast.infer(1 - clean).distance,
        "decision, inverted": lambda: fast.classify(1 - clean),
    }
    following = Following(fast, len(boundary), torch.ones(fast.classes, device=device()))
    rows = torch.arange(len(boundary), device=device())
    following.infer(boundary, rows, margin=0.0)
    generator = torch.Generator().manual_seed(0)
    near = [(boundary + NEAR * unit_noise(boundary.shape, generator).to(device())).clamp(0, 1) for _ in range(ROUNDS)]

    names = ("reference", *modes, "followed, boundary")
    results: dict[str, list[Tensor]] = {mode: [] for mode in names}
    seconds: dict[str, list[tuple[float, float]]] = {mode: [] for mode in names}
    peaks = []
    for number, share in enumerate(clean.chunk(ROUNDS), 1):
        log.info("round %d of %d", number, ROUNDS)
        calls = {
            "reference": lambda share=share: reference.infer(share).distance,
            **modes,
            "followed, boundary": lambda x=near[number - 1]: following.infer(x, rows).argmin(1),
        }
        for mode, call in calls.items():
            result, *times = timed(call)
            results[mode].append(result)
            seconds[mode].append([t / len(result) for t in times])
        if device().type == "cpu":
            peaks.append(peak())

    distance = {mode: torch.cat(of_rounds[:1]) for mode, of_rounds in results.items()}
    distance["reference"] = torch.cat(results["reference"])
    arbiter, arbiter_boundary, arbiter_inverted = (
        fast.infer(x, search="arbiter").distance for x in (clean, boundary, 1 - clean)
    )
    quality = {
        "reference": {"mean_distance": mean(distance["reference"])},
        "protocol": {
            "max_abs_difference": (distance["protocol"] - distance["reference"]).abs().max().item(),
            **searched(distance["protocol"], arbiter),
        },
        "default": searched(distance["default"], arbiter),
        "default, boundary": searched(distance["default, boundary"], arbiter_boundary),
        "decision": {"disagreement": disagreement(distance["decision"], arbiter)},
        "decision, boundary": {"disagreement": disagreement(distance["decision, boundary"], arbiter_boundary)},
        "default, inverted": searched(distance["default, inverted"], arbiter_inverted),
        "decision, inverted": {"disagreement": disagreement(distance["decision, inverted"], arbiter_inverted)},
        "followed, boundary": {
            "disagreement": disagreement(distance["followed, boundary"], fast.infer(near[0], search="arbiter").distance)
        },
    }
    evaluations = 10 * (settings.protocol.steps + 1)
    report = {
        "machine": machine(),
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "batch": BATCH,
        "start_up_seconds": round(start_up + first, 1),
        "modes": {
            mode: {
                "images_per_second": round(1 / statistics.median(wall for wall, _ in seconds[mode]), 1),
                "images_per_cpu_second": round(1 / statistics.median(cpu for _, cpu in seconds[mode]), 2),
                "ratio": round(ratio(seconds["reference"], seconds[mode], 0), 1),
                "cpu_ratio": round(ratio(seconds["reference"], seconds[mode], 1), 1),
                **{name: round(value, 6) for name, value in quality[mode].items()},
            }
            for mode in seconds
        },
    }
    if device().type == "cpu":
        share = [evaluations * FLOP / cpu / best for (_, cpu), best in zip(seconds["protocol"], peaks)]
        report["modes"]["protocol"]["share_of_peak"] = round(statistics.median(share), 3)
        report["peak_gflops_per_core"] = round(statistics.median(peaks) / 1e9, 1)
    with replacing(Path(output)) as partial:
        partial.write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def bracketed(inference: Inference, images: Tensor) -> Tensor:
    """The arbiter's boundary on the line from each image to the next one of another class: both ends of a bracket."""

    def classes(x: Tensor) -> Tensor:
        return inference.infer(x, search="arbiter").distance.argmin(1)

    labels = classes(images)
    n = len(images)
    others = [next(j % n for j in range(i, i + n) if labels[j % n] != labels[i]) for i in range(n)]
    low, high = images, images[others]
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        same = (classes(middle) == labels)[:, None, None, None]
        low, high = torch.where(same, middle, low), torch.where(same, high, middle)
    return torch.stack([low, high], 1).flatten(0, 1)


def unit_noise(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Directions (N, 1, 28, 28) of L2 norm 1."""
    noise = torch.randn(shape, generator=generator)
    return noise / noise.flatten(1).norm(dim=1)[:, None, None, None]


def searched(distance: Tensor, arbiter: Tensor) -> dict[str, float]:
    gap = distance - arbiter
    return {
        "mean_distance": mean(distance),
        "mean_gap_to_arbiter": mean(gap),
        "p95_gap_to_arbiter": gap.flatten().quantile(0.95).item(),
        "disagreement": disagreement(distance.argmin(1), arbiter),
    }


def disagreement(classes: Tensor, arbiter: Tensor) -> float:
    """Share of images that the arbiter, by its distances (N, C), takes for another class."""
    return mean(classes != arbiter.argmin(1))


def mean(values: Tensor) -> float:
    return values.double().mean().item()


def timed(call: Callable[[], object]) -> tuple:
    """The result, wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    if device().type == "cuda":
        torch.cuda.synchronize()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def ratio(slow: list, fast: list, clock: int) -> float:
    """Median over the rounds; the two were timed one after the other."""
    return statistics.median(a[clock] / b[clock] for a, b in zip(slow, fast))


def peak(repetitions: int = 20_000_000) -> float:
    """Floating-point operations per CPU second of a core that does nothing else."""
    numbers, results = aligned(64), aligned(3 * kernels.CHANNELS * kernels.LANES)
    kernels.multiply_add(numbers, 1, results)
    *_, cpu = timed(lambda: kernels.multiply_add(numbers, repetitions, results))
    return repetitions * 3 * kernels.CHANNELS * kernels.LANES * 2 / cpu


def machine() -> dict[str, str | int]:
    if device().type == "cuda":
        return {"gpu": torch.cuda.get_device_name()}
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return {"cpu": name, "vector_floats": kernels.LANES, "cores": os.cpu_count(), "threads": torch.get_num_threads()}


def show(report: dict) -> None:
    columns = ["images_per_second", "ratio", "cpu_ratio", "mean_distance", "mean_gap_to_arbiter"]
    columns += ["max_abs_difference", "disagreement"]
    print(f"{'':20}" + "".join(f"{name.replace('_', ' '):>21}" for name in columns))
    for mode, row in report["modes"].items():
        print(f"{mode:20}" + "".join(f"{row.get(name, ''):>21}" for name in columns))
    if "peak_gflops_per_core" in report:
        share = report["modes"]["protocol"]["share_of_peak"]
        print(f"protocol: {share:.0%} of the measured peak, {report['peak_gflops_per_core']} GFLOP/s a core")
    print(f"start-up {report['start_up_seconds']} s; {', '.join(map(str, report['machine'].values()))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
