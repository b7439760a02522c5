"""Runs one attack on one model: chunk by chunk, resumable, every adversarial verified."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis_by_synthesis.attacks.postprocess import shrink_binary
from analysis_by_synthesis.attacks.recorder import Recorder
from analysis_by_synthesis.attacks.settings import AttackSettings
from analysis_by_synthesis.attacks.verify import is_adversarial
from analysis_by_synthesis.distances import NORMS, distance
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.params import Block, Count, Positive
from analysis_by_synthesis.records import onto_grid
from analysis_by_synthesis.stage import progress
from analysis_by_synthesis.work import Work

Attack = Callable[[Recorder, Tensor, Tensor, Any], None]


class Evaluation(Block):
    """How samples are attacked.

    Args: chunk_size: samples that are attacked together, from a seed of their own; overshoots: factors by which a
    perturbation is lengthened, in turn, until the arbiter confirms it.
    """

    chunk_size: Count
    overshoots: list[Positive]


def run_attack(
    model: nn.Module, binary: bool, attack: Attack, settings: AttackSettings, evaluation: Evaluation,
    images: Tensor, labels: Tensor, seed: int, work: Work, label: str,
) -> dict[str, Tensor]:  # fmt: skip
    """Attack the images (N, 1, 28, 28) with labels (N,).

    Samples that are misclassified already are not attacked: their distance is 0 and their adversarial the image.

    Args:
        model: images to logits, on the images' device.
        binary: whether the model binarises its input, so that adversarials can be shrunk.
        work: keeps finished chunks.

    Returns:
        per sample: index, label, clean_correct, success, rejected (found by the attack, not confirmed), predicted
        (class of the adversarial), protocol_predicted (the same by the paper's search), l0, l2, linf (inf where none
        was found), queries, seconds, seed (of its chunk), and adversarial (N, 1, 28, 28).
    """
    chunks = []
    for start in progress(range(0, len(images), evaluation.chunk_size), label):
        chunk = work.load(f"chunk-{start}")
        if chunk is None:
            rows = slice(start, start + evaluation.chunk_size)
            chunk = _run_chunk(model, binary, attack, settings, evaluation, images[rows], labels[rows], seed + start)
            chunk = {"index": torch.arange(start, start + len(chunk["label"])), **chunk}
            work.save(f"chunk-{start}", chunk)
        chunks.append(chunk)
    return {key: torch.cat([chunk[key] for chunk in chunks]) for key in chunks[0]}


def _run_chunk(
    model: nn.Module, binary: bool, attack: Attack, settings: AttackSettings, evaluation: Evaluation,
    images: Tensor, labels: Tensor, seed: int,
) -> dict[str, Tensor]:  # fmt: skip
    torch.manual_seed(seed)
    np.random.seed(seed)
    began = time.perf_counter()
    correct = predict(model, images) == labels
    adversarials, success, queries = images.clone(), ~correct, torch.zeros_like(labels)
    rejected = torch.zeros_like(correct)
    if correct.any():
        recorder = Recorder(model, images[correct], labels[correct], settings.norm)
        attack(recorder, recorder.images, recorder.labels, settings)
        candidates = shrink_binary(recorder.images, recorder.best) if binary else recorder.best
        found = recorder.best_distance.isfinite()
        adversarials[correct], confirmed = _confirm(
            model, recorder.images, candidates, recorder.labels, found, settings, evaluation
        )
        success[correct], rejected[correct] = confirmed, found & ~confirmed
        queries[correct] = recorder.queries
    seconds = (time.perf_counter() - began) / len(images)
    distances = {norm: distance(images, adversarials, norm).masked_fill(~success, torch.inf) for norm in NORMS}
    chunk = {
        "label": labels, "clean_correct": correct, "success": success, "rejected": rejected,
        "predicted": predict(model, adversarials), "protocol_predicted": predict(model, adversarials, "protocol"),
        **distances, "queries": queries,
        "seconds": torch.full(labels.shape, seconds), "seed": torch.full_like(labels, seed), "adversarial": adversarials,
    }  # fmt: skip
    return {key: value.cpu() for key, value in chunk.items()}


def _confirm(
    model: nn.Module, images: Tensor, candidates: Tensor, labels: Tensor, found: Tensor,
    settings: AttackSettings, evaluation: Evaluation,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The shortest lengthened candidates that are adversarial as they will be stored, and for which samples there is one.

    A candidate sits right on the boundary, where rounding, or the arbiter's longer search, can undo it.
    """
    adversarials, confirmed = images.clone(), torch.zeros_like(found)
    for factor in evaluation.overshoots:
        rows = (found & ~confirmed).nonzero().squeeze(1)
        if len(rows) == 0:
            break
        lengthened = onto_grid((images[rows] + factor * (candidates[rows] - images[rows])).clamp(0, 1))
        verdict = is_adversarial(model, lengthened, labels[rows])
        adversarials[rows[verdict]] = lengthened[verdict]
        confirmed[rows[verdict]] = True
    return adversarials, confirmed
