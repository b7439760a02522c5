"""Runs one attack on one model: chunk by chunk, resumable, every adversarial verified."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis_by_synthesis.evaluation.estimated_gradient import EstimatedGradient
from analysis_by_synthesis.evaluation.postprocess import shrink_binary
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.evaluation.records import onto_grid
from analysis_by_synthesis.evaluation.settings import AttackSettings
from analysis_by_synthesis.evaluation.verify import is_adversarial, verify
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.params import Block, Count, Positive
from analysis_by_synthesis.stage import progress
from analysis_by_synthesis.work import Work


class Evaluation(Block):
    """How samples are attacked.

    Args: chunk_size: samples that are attacked together, from a seed of their own; kept: closest inputs of a sample that
    the arbiter is asked about, in turn; overshoots: factors by which each is first lengthened, in turn; margin: between
    the logits of an adversarial, so that rounding on another machine can't undo it.
    """

    chunk_size: Count
    kept: Count
    overshoots: list[Positive]
    margin: Positive


@dataclass(frozen=True)
class AttackCell:
    """One attack on one model.

    Attributes:
        model: images to logits, on the images' device.
        binary: whether the model binarises its input, so that adversarials can be shrunk.
        attack: of an attack module.
        settings: of that attack.
    """

    model: nn.Module
    binary: bool
    attack: Callable[[Recorder, Tensor, Tensor, Any], None]
    settings: AttackSettings
    evaluation: Evaluation

    def run(self, images: Tensor, labels: Tensor, seed: int, work: Work, label: str) -> dict[str, Tensor]:
        """Attack the images (N, 1, 28, 28) with labels (N,); `work` keeps finished chunks.

        Samples that are misclassified already are not attacked: their distance is 0 and their adversarial the image.

        Returns:
            per sample: index, label, clean_correct, rejected (found by the attack, not confirmed), what `verify` says of
            the adversarial, protocol_predicted (its class by the paper's search), queries, zero_gradients, seconds, seed
            (of its chunk), and adversarial (N, 1, 28, 28), the image itself where none was found.
        """
        size, chunks = self.evaluation.chunk_size, []
        for start in progress(range(0, len(images), size), label):
            chunk = work.load(f"chunk-{start}")
            if chunk is None:
                chunk = self._run_chunk(images[start : start + size], labels[start : start + size], seed + start)
                chunk = {"index": torch.arange(start, start + len(chunk["label"])), **chunk}
                work.save(f"chunk-{start}", chunk)
            chunks.append(chunk)
        return {key: torch.cat([chunk[key] for chunk in chunks]) for key in chunks[0]}

    def _run_chunk(self, images: Tensor, labels: Tensor, seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        np.random.seed(seed)
        began = time.perf_counter()
        correct = predict(self.model, images) == labels
        adversarials, rejected = images.clone(), torch.zeros_like(correct)
        queries, zero_gradients = torch.zeros_like(labels), torch.zeros_like(labels)
        if correct.any():
            recorder = Recorder(self.model, images[correct], labels[correct], self.settings.norm, self.evaluation.kept)
            for step in self.settings.difference_steps or [None]:
                recorder.estimate = EstimatedGradient(self.model, step) if step else None
                self.attack(recorder, recorder.images, recorder.labels, self.settings)
            adversarials[correct], confirmed = self._confirm(recorder)
            rejected[correct] = recorder.best_distance.isfinite() & ~confirmed
            queries[correct], zero_gradients[correct] = recorder.queries, recorder.zero_gradients
        seconds = (time.perf_counter() - began) / len(images)
        chunk = {
            "label": labels, "clean_correct": correct, "rejected": rejected,
            **verify(self.model, images, adversarials, labels),
            "protocol_predicted": predict(self.model, adversarials, "protocol"),
            "queries": queries, "zero_gradients": zero_gradients, "seconds": torch.full(labels.shape, seconds),
            "seed": torch.full_like(labels, seed), "adversarial": adversarials,
        }  # fmt: skip
        return {key: value.cpu() for key, value in chunk.items()}

    def _confirm(self, recorder: Recorder) -> tuple[Tensor, Tensor]:
        """For each sample the first of its closest inputs that is adversarial as it will be stored, and whether one is.

        The closest one sits right on the boundary, where rounding, or the arbiter's longer search, can undo it. Then it
        is lengthened a little; if that doesn't help, the next one has its turn.
        """
        images, labels = recorder.images, recorder.labels
        closest = [recorder.closest(sample) for sample in range(len(labels))]
        adversarials, confirmed = images.clone(), torch.zeros_like(labels, dtype=torch.bool)
        for turn in range(self.evaluation.kept):
            for factor in self.evaluation.overshoots:
                left = [row for row in range(len(labels)) if turn < len(closest[row]) and not confirmed[row]]
                if not left:
                    break
                rows = torch.tensor(left, device=images.device)
                candidates = torch.stack([closest[row][turn] for row in left])
                if self.binary:
                    candidates = shrink_binary(images[rows], candidates)
                lengthened = (images[rows] + factor * (candidates - images[rows])).clamp(0, 1)
                lengthened = onto_grid(lengthened)
                verdict = is_adversarial(self.model, lengthened, labels[rows], self.evaluation.margin)
                adversarials[rows[verdict]] = lengthened[verdict]
                confirmed[rows[verdict]] = True
        return adversarials, confirmed
