"""One attack on one model: chunk by chunk, every adversarial verified."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from analysis_by_synthesis.attacks.base import Attack
from analysis_by_synthesis.attacks.estimated_gradient import EstimatedGradient
from analysis_by_synthesis.attacks.recorder import Recorder, Resources
from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.postprocess import shrink_binary
from analysis_by_synthesis.evaluation.records import onto_grid
from analysis_by_synthesis.evaluation.verify import is_adversarial, verify
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.attacks.base import AttackSettings
from analysis_by_synthesis.params.evaluation import Evaluation
from analysis_by_synthesis.pipeline.errors import UserError


@dataclass(frozen=True)
class AttackCell:
    """One attack on one model.

    Attributes:
        model: on the images' device.
        resources: what attacks may use beside the model.
        images, labels: of the test split, (M, 1, 28, 28) and (M,).
    """

    model: Classifier
    attack: Attack[AttackSettings]
    evaluation: Evaluation
    resources: Resources
    images: Tensor
    labels: Tensor

    def chunk(self, chosen: list[int], seed: int) -> dict[str, Tensor]:
        """Attack the test images `chosen`.

        Samples that are misclassified already are not attacked: their distance is 0 and their adversarial the image.

        Returns:
            per sample: image (its index), label, clean_correct, rejected (found by the attack, not confirmed), what
            `verify` says of the adversarial, protocol_predicted (its class by the paper's search), found (the distance of
            the closest adversarial as the attack left it, neither shrunk nor lengthened nor confirmed), first_step (that
            of the confirmed adversarial by the first of several difference steps alone), queries, zero_gradients, seed, adversarial
            (N, 1, 28, 28), the image itself where none was found, and what the attack itself has to say.
        """
        images, labels = self.images[chosen], self.labels[chosen]
        torch.manual_seed(seed)
        np.random.seed(seed)
        clean = predict(self.model, images)
        correct = clean == labels
        adversarials, rejected = images.clone(), torch.zeros_like(correct)
        queries, zero_gradients = torch.zeros_like(labels), torch.zeros_like(labels)
        found = {"found": torch.zeros(labels.shape, device=labels.device)}
        settings, evaluation = self.attack.settings, self.evaluation
        attacked = images[correct], labels[correct]
        stored = shrink_binary if self.model.binary else None
        recorder = Recorder(
            self.model, *attacked, settings.norm, evaluation.candidates, evaluation.milestone, stored, self.resources,
            settings.sees,
        )  # fmt: skip
        said: dict[str, Tensor] = {}
        first: tuple[Tensor, Tensor] | None = None
        for turn, step in enumerate(settings.difference_steps or [None]):
            if turn == 1:
                first = self._confirm(recorder)
                away = _distance(recorder, *first)
                found["first_step"] = torch.zeros_like(found["found"]).masked_scatter(correct, away)
            recorder.estimate = EstimatedGradient(self.model, step) if step else None
            if correct.any():
                said = self.attack.run(recorder) or {}
                if not recorder.queries.any():
                    raise UserError(f"{self.attack} has asked the model nothing; let it call the recorder with images.")
        last, confirmed = self._confirm(recorder)
        if first:
            closer = _distance(recorder, *first) < _distance(recorder, last, confirmed)
            last[closer], confirmed = first[0][closer], confirmed | closer
        adversarials[correct] = last
        found["found"][correct] = recorder.best_distance
        rejected[correct] = recorder.best_distance.isfinite() & ~confirmed
        queries[correct], zero_gradients[correct] = recorder.queries, recorder.zero_gradients
        chunk = {
            "image": torch.tensor(chosen), "label": labels, "clean_correct": correct, "rejected": rejected,
            **verify(self.model, images, adversarials, labels),
            "protocol_predicted": predict(self.model, adversarials, "protocol"), **found,
            "queries": queries, "zero_gradients": zero_gradients, "seed": torch.full_like(labels, seed),
            **{name: column.new_zeros(len(labels)).index_put((correct,), column) for name, column in said.items()},
            "adversarial": adversarials,
        }  # fmt: skip
        return {key: value.cpu() for key, value in chunk.items()}

    def _confirm(self, recorder: Recorder) -> tuple[Tensor, Tensor]:
        """For each sample the closest image that is adversarial as it will be stored, and whether there is one.

        The closest input of an attack sits right on the boundary, where rounding, or the arbiter's longer search, can undo
        it. So the arbiter is asked about each of the closest ones, as it is and lengthened a little: the nearest image
        first, whichever input it came from.
        """
        images, labels = recorder.images, recorder.labels
        waiting = [self._nearest_first(recorder, sample) for sample in range(len(labels))]
        adversarials, confirmed = images.clone(), torch.zeros_like(labels, dtype=torch.bool)
        for turn in range(max(map(len, waiting), default=0)):
            left = [row for row in range(len(labels)) if turn < len(waiting[row]) and not confirmed[row]]
            if not left:
                break
            rows = torch.tensor(left, device=images.device)
            asked = torch.stack([waiting[row][turn] for row in left])
            verdict = is_adversarial(self.model, asked, labels[rows], self.evaluation.margin)
            adversarials[rows[verdict]] = asked[verdict]
            confirmed[rows[verdict]] = True
        return adversarials, confirmed

    def _nearest_first(self, recorder: Recorder, sample: int) -> Tensor:
        """The images (K, 1, 28, 28) that the arbiter is asked about for a sample, as they would be stored."""
        closest, clean = recorder.closest(sample), recorder.images[sample]
        if not closest:
            return clean.new_zeros(0, *clean.shape)
        found = torch.stack(closest)
        if self.model.binary:  # to go farther changes no pixel's binarisation
            lengthened = onto_grid(shrink_binary(clean[None], found))
        else:
            factors = clean.new_tensor(self.evaluation.overshoots)[None, :, None, None, None]
            lengthened = onto_grid((clean + factors * (found - clean)[:, None]).clamp(0, 1).flatten(0, 1))
        nearest = distance(lengthened, clean[None], recorder.norm).argsort(stable=True)
        _, first = np.unique(lengthened[nearest].flatten(1).cpu().numpy(), axis=0, return_index=True)
        return lengthened[nearest[np.sort(first)]]


def _distance(recorder: Recorder, adversarials: Tensor, confirmed: Tensor) -> Tensor:
    """Of adversarials (N, 1, 28, 28) from the recorder's images (N,); inf where they aren't confirmed."""
    return distance(adversarials, recorder.images, recorder.norm).where(confirmed, torch.inf)


Chunk = Callable[[list[int], int], dict[str, Tensor]]


def chunks(order: list[int], n: int, size: int, seed: int, chunk: Chunk) -> dict[str, Callable[[], dict[str, Tensor]]]:
    """The first n test images of an order in chunks of `size`: what makes each, by name.

    Args:
        chunk: of a cell; it is given the chunk's images and its seed.
    """
    parts = {start: order[start : start + size] for start in range(0, n, size)}
    seeds = {start: seed_of(seed, chosen) for start, chosen in parts.items()}
    return {f"{start}-{seeds[start]}": partial(chunk, chosen, seeds[start]) for start, chosen in parts.items()}


def together(chunks: list[dict[str, Tensor]], n: int) -> dict[str, Tensor]:
    """The first n samples of all chunks; where a chunk has nothing to attack, what attacks say is 0."""
    columns = {key: column for chunk in chunks for key, column in chunk.items()}
    parts = {
        key: [chunk.get(key, column.new_zeros(len(chunk["image"]), *column.shape[1:])) for chunk in chunks]
        for key, column in columns.items()
    }
    return {key: torch.cat(of_chunks)[:n] for key, of_chunks in parts.items()}


def seed_of(seed: int, images: list[int]) -> int:
    """The seed of a chunk: that of the experiment and the chunk's images, mixed, so that no two chunks share theirs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{images}".encode()).digest()[:4], "little")
