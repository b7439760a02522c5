"""How fast a GPU's engine is, beside the one for GPUs without Triton, in one run: searches, attack steps, cells.

What is measured is printed, and written to the file that is given, after each part.
"""

import logging
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from inference import BATCH, BRACKETED, FLOP, NEAR, ROUNDS, bracketed, disagreement, unit_noise
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from analysis_by_synthesis.attacks import boundary
from analysis_by_synthesis.attacks.recorder import Recorder, Resources
from analysis_by_synthesis.attacks.registry import load_attack
from analysis_by_synthesis.bounds import bound_guided
from analysis_by_synthesis.data import mnist
from analysis_by_synthesis.evaluation.runner import AttackCell
from analysis_by_synthesis.inference import Following, Inference
from analysis_by_synthesis.inference.batched import BatchedInference
from analysis_by_synthesis.models import load_model
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.bounds import BoundsSettings
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.params.inference import InferenceSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.pipeline.device import device
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.project import Project

PROTOCOL_BATCH = 1024
WALKED = 100  # images of the Boundary attack
SHORT_WALK, LONG_WALK = 100, 400  # steps; their difference tells what a step takes
CELLS = {  # samples, all in one chunk
    "abs-fgm": 50, "abs-l2_bim": 20, "abs-ddn": 50, "abs-deepfool_l2": 50, "abs-fmn_l0": 20, "abs-latent_descent": 50,
    "abs-bound_guided_l2": 100, "abs-bound_guided_linf": 100, "abs-fgm_ge": 8, "cnn-deepfool_l2_ge": 32,
    "abs-pointwise_l2": 10, "binary_abs-bim_ge": 2,
}  # fmt: skip
LIMIT = 10  # seconds a cell
PEAK_SIZE = 8192  # of the square matrices whose product tells the peak

log = logging.getLogger(__name__)


def main(output: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = load_model("abs", device=device())
    settings = model.settings
    engines = {"engine": model.inference, "without Triton": BatchedInference(list(model.decoders), settings)}
    images, labels = (t.to(device()) for t in mnist.load("test", Project.here().mnist))
    peak = float32_peak()
    report = {
        "gpu": torch.cuda.get_device_name(),
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "batch": {"protocol": PROTOCOL_BATCH, "other searches": BATCH, "boundary attack": WALKED},
        "peak_tflops": round(peak / 1e12, 1),
    }
    parts = {
        "searches": lambda: searches(engines, images, settings, peak),
        "boundary_attack_ms_a_step": lambda: {name: walked(engine, images, labels) for name, engine in engines.items()},
        "cells": lambda: cells(engines, images, labels),
        "gigabytes_at_most": lambda: round(torch.cuda.max_memory_reserved() / 1e9, 1),
    }
    for name, measured in parts.items():
        report[name] = measured()
        write_json(Path(output), report)


def searches(engines: dict[str, Inference], images: Tensor, settings: InferenceSettings, peak: float) -> dict:
    """Images a second, milliseconds and launches of each search, by either engine; how far the engines differ."""
    clean, many = images[:BATCH], images[:PROTOCOL_BATCH]
    near_boundary = bracketed(engines["engine"], clean[:BRACKETED])
    generator = torch.Generator().manual_seed(0)
    near = [
        (near_boundary + NEAR * unit_noise(near_boundary.shape, generator).to(device())).clamp(0, 1) for _ in range(9)
    ]
    calls = {
        "protocol": (many, lambda engine: engine.infer(many, search="protocol").distance),
        "default": (clean, lambda engine: engine.infer(clean).distance),
        "default, boundary": (near_boundary, lambda engine: engine.infer(near_boundary).distance),
        "arbiter, boundary": (near_boundary, lambda engine: engine.infer(near_boundary, search="arbiter").distance),
        "decision": (clean, lambda engine: engine.classify(clean)),
        "decision, boundary": (near_boundary, lambda engine: engine.classify(near_boundary)),
        "followed, boundary": (near_boundary, followed(engines, near_boundary, near)),
    }
    evaluations = 10 * (settings.protocol.steps + 1) * FLOP
    rows = {}
    for search, (x, call) in calls.items():
        results = {name: call(engine) for name, engine in engines.items()}
        seconds = {name: [] for name in engines}
        for _ in range(ROUNDS):
            for name, engine in engines.items():
                seconds[name].append(timed(lambda: call(engine)))
        rates = {name: len(x) / statistics.median(of_engine) for name, of_engine in seconds.items()}
        row = {
            name: {"images_per_second": round(rates[name]), **launched(lambda: call(engine))}
            for name, engine in engines.items()
        }
        row["ratio"] = round(rates["engine"] / rates["without Triton"], 2)
        if search == "protocol":
            row["share_of_peak"] = round(rates["engine"] * evaluations / peak, 3)
        if search.startswith(("decision", "followed")):
            arbiter = (
                engines["engine"].infer(near[0] if search.startswith("followed") else x, search="arbiter").distance
            )
            classes = {name: r if r.ndim == 1 else r.argmin(1) for name, r in results.items()}
            row["disagreement"] = {name: disagreement(of_engine, arbiter) for name, of_engine in classes.items()}
        else:
            difference = (results["engine"] - results["without Triton"]).abs()
            row["max_abs_difference"] = difference.max().item()
            row["share_above_0.001"] = (difference > 1e-3).float().mean().item()
        rows[search] = row
        log.info("%s %s", search, row)
    return rows


def followed(engines: dict[str, Inference], x: Tensor, near: list[Tensor]) -> Callable[[Inference], Tensor]:
    """D of images near the followed ones, others with each call."""
    rows, followings, turns = torch.arange(len(x), device=device()), {}, {}
    for engine in engines.values():
        followings[engine] = Following(engine, len(x), torch.ones(engine.classes, device=device()))
        followings[engine].infer(x, rows, margin=0.0)
        turns[engine] = iter(near)
    return lambda engine: followings[engine].infer(next(turns[engine]), rows)


def walked(engine: Inference, images: Tensor, labels: Tensor) -> float:
    """Milliseconds a step of the Boundary attack on ABS."""
    (block,) = read({"attacks.boundary": AttackBlock}, Project.here().params)
    settings, pool = boundary.Settings(**block.settings()), Resources(images[WALKED:], labels[WALKED:], {})
    model = with_engine("abs", engine)
    x = images[:WALKED]
    own = model(x).argmax(1)

    def walk(steps: int) -> None:
        torch.manual_seed(0)
        recorder = Recorder(model, x, own, "l2", resources=pool)
        boundary.Attack(settings.model_copy(update={"steps": steps})).run(recorder)

    walk(SHORT_WALK)
    short, long = (timed(lambda: walk(steps)) for steps in (SHORT_WALK, LONG_WALK))
    log.info("boundary attack %.2f ms a step", 1e3 * (long - short) / (LONG_WALK - SHORT_WALK))
    return round(1e3 * (long - short) / (LONG_WALK - SHORT_WALK), 2)


def cells(engines: dict[str, Inference], images: Tensor, labels: Tensor) -> dict:
    """Seconds a sample of cells with fewer samples than Table 1's; None where a cell takes longer than the limit."""
    evaluation, bounds, blocks = read(
        {"evaluation": Evaluation, "bounds": BoundsSettings, "attacks": dict[str, AttackBlock]}, Project.here().params
    )
    signal.signal(signal.SIGALRM, out_of_time)
    rows = {}
    for name, n in CELLS.items():
        model_name, _, attack_name = name.partition("-")
        rows[name] = {"n": n}
        if attack_name in blocks:
            attack = load_attack(f"attacks.{attack_name}", blocks[attack_name], Project.here().params)
        else:
            norm = attack_name.removeprefix("bound_guided_")
            attack = bound_guided.Attack(bound_guided.Settings(norm=norm, search=bounds.chosen))
        for engine_name, engine in engines.items():
            model, one_chunk = with_engine(model_name, engine), evaluation.model_copy(update={"chunk_size": n})
            cell = AttackCell(model, attack, one_chunk, Resources(images[n:], labels[n:], {}), images, labels)
            signal.alarm(LIMIT)
            began = time.perf_counter()
            try:
                records = cell.chunk(list(range(n)), 0)
                seconds = (time.perf_counter() - began) / n
                norm = attack.settings.norm
                median = records[norm].median().item()
                rows[name][engine_name] = {"seconds_a_sample": round(seconds, 4), f"median_{norm}": median}
            except TimeoutError:
                rows[name][engine_name] = None
            finally:
                signal.alarm(0)
        log.info("%s %s", name, rows[name])
    return rows


def with_engine(name: str, engine: Inference) -> Classifier:
    """The model, with this engine where it is ABS."""
    model = load_model(name, device=device())
    if isinstance(model, ABS):
        model.inference  # its weights are remembered
        model._engine._inference = engine
    return model


def out_of_time(*_) -> None:
    raise TimeoutError


def launched(call: Callable[[], object]) -> dict[str, float]:
    """Kernels and copies on the GPU, and the milliseconds that they take."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        call()
        torch.cuda.synchronize()
    events = [event for event in profiled.key_averages() if event.self_device_time_total]
    milliseconds = sum(event.self_device_time_total for event in events) / 1e3
    return {"launches": sum(event.count for event in events), "gpu_milliseconds": round(milliseconds, 2)}


def timed(call: Callable[[], object]) -> float:
    """Seconds."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def float32_peak() -> float:
    """Floating-point operations a second of a product of matrices, without tensor cores."""
    a, b = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device()) for _ in range(2))
    a @ b
    return 2 * PEAK_SIZE**3 / statistics.median(timed(lambda: a @ b) for _ in range(5))


if __name__ == "__main__":
    main(*sys.argv[1:])
