"""What the numbers of the paper's inference (section 3) are worth: each changed alone, on clean images."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.inference import build_inference
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.decoder import Decoder
from analysis_by_synthesis.params.ablation import Ablation


class Variant(NamedTuple):
    """One number that is changed; `name` is the column of its predictions."""

    varied: str
    value: float

    @property
    def name(self) -> str:
        return f"{self.varied} {self.value:g}"


def variants(settings: Ablation) -> list[Variant]:
    """All of them, the plain arbiter first."""
    return [
        Variant("arbiter", 0),
        *(Variant("candidates", number) for number in settings.candidates),
        *(Variant("steps", number) for number in settings.steps),
        *(Variant("sigma2", value) for value in settings.sigma2),
        Variant("p(y)", 1),
    ]


def ablations(
    model: ABS, decoders: list[Decoder], images: Tensor, class_share: Tensor, settings: Ablation
) -> dict[Variant, Callable[[], Tensor]]:
    """How each variant classifies the images: functions to classes (N,).

    Args:
        decoders: the model's.
        class_share: p(y) (C,), shares of the training images; the paper's eq. 1 has it, its eq. 4 does not.
    """
    solution = model.inference.infer(images, search="arbiter")
    n, classes = solution.distance.shape

    def by_protocol(**changed: Any) -> Tensor:
        own = model.settings.model_copy(update=changed)
        return build_inference(decoders, own).infer(images, search="protocol").distance.argmin(1)

    def by_steps(number: float) -> Tensor:
        return by_protocol(protocol=model.settings.protocol.model_copy(update={"steps": int(number)}))

    def by_variance(sigma2: float) -> Tensor:
        """-log p(x|z) is ||x - G(z)||^2 / (2 sigma^2): times 2 sigma^2, the prior weighs so much.

        The latents start at the arbiter's, so that D of the other classes is an upper estimate.
        """
        named = torch.arange(classes, device=images.device).repeat(n)
        repeated, latents = images.repeat_interleave(classes, 0), solution.latent.flatten(0, 1)
        value, _ = model.inference.refine(repeated, named, latents, settings.evaluations, 2 * sigma2)
        return value.view(n, classes).argmin(1)

    ways: dict[str, Callable[[float], Tensor]] = {
        "arbiter": lambda _: solution.distance.argmin(1),
        "candidates": lambda number: by_protocol(candidates=int(number)),
        "steps": by_steps,
        "sigma2": by_variance,
        "p(y)": lambda _: (solution.distance - class_share.log()).argmin(1),
    }
    return {variant: partial(ways[variant.varied], variant.value) for variant in variants(settings)}


def summarise(predicted: pd.DataFrame, settings: Ablation) -> pd.DataFrame:
    """One row for each variant.

    Args:
        predicted: label, and the class by each variant in a column of its name.

    Returns:
        varied, value, images, accuracy, and changed: share of the images that the arbiter puts into another class.
    """
    arbiter, *_ = all_of_them = variants(settings)
    return pd.DataFrame(
        [
            {
                "varied": variant.varied,
                "value": variant.value,
                "images": len(predicted),
                "accuracy": (predicted[variant.name] == predicted["label"]).mean(),
                "changed": (predicted[variant.name] != predicted[arbiter.name]).mean(),
            }
            for variant in all_of_them
        ]
    )
