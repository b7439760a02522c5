"""How well the search for D converges: what longer searches from other starts find."""

import math

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.inference import ReferenceInference
from analysis_by_synthesis.inference.engine import Search
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.params.inference import Round
from analysis_by_synthesis.params.two_class_cifar import Convergence

SEARCHES: tuple[Search, ...] = ("default", "arbiter", "protocol")
TOLERANCE = 0.1  # in D; a fall by more is one


@torch.no_grad()
def converge(
    model: ABS, vaes: list[Autoencoder], images: Tensor, names: list[int], settings: Convergence
) -> pd.DataFrame:
    """D of every class by the model's searches and by longer ones, which share no start with them.

    Args:
        vaes: whose decoders the model has; their encoders give one more start.
        images, names: (N, *image_shape), and what they are called.

    Returns:
        a row per image and class: image, class, and D by default, arbiter, protocol, encoder (from the encoder's
        mean) and longer (from the best of other candidates).
    """
    gamma, n, classes = model.gamma, len(images), len(vaes)
    found: dict[str, Tensor] = {search: model.inference.infer(images, gamma, search).distance for search in SEARCHES}
    means = torch.stack([vae.encoder(images)[0] for vae in vaes], 1).flatten(0, 1)
    named = torch.arange(classes, device=images.device).repeat(n)
    repeated = images.repeat_interleave(classes, 0)
    found["encoder"] = model.inference.refine(repeated, named, means, settings.evaluations)[0].view(n, classes)
    others = model.settings.model_copy(update={"seed": settings.seed})
    longer = Round(starts=settings.starts, evaluations=settings.evaluations, margin=math.inf, decrease_weight=0.0)
    found["longer"] = (
        ReferenceInference([vae.decoder for vae in vaes], others).tournament(images, [longer], gamma).value
    )
    rows = {"image": torch.tensor(names).repeat_interleave(classes), "class": named.cpu()}
    return pd.DataFrame(rows | {search: distance.flatten().cpu() for search, distance in found.items()})


def summarise(found: pd.DataFrame) -> pd.Series:
    """How often the longer searches find lower minima than the arbiter.

    Returns:
        images: their number; lower: share of images and classes where a longer search falls by more than `tolerance`; mean_fall:
        of these; changed: share of the images whose class changes.
    """
    lowest = found[["arbiter", "encoder", "longer"]].min(axis=1)
    fall = found["arbiter"] - lowest
    falls = fall > TOLERANCE
    by_arbiter, by_all = (
        found.assign(value=values).pivot(index="image", columns="class", values="value").idxmin(axis=1)
        for values in (found["arbiter"], lowest)
    )
    return pd.Series({
        "images": len(by_arbiter), "tolerance": TOLERANCE, "lower": falls.mean(),
        "mean_fall": fall[falls].mean() if falls.any() else 0.0, "changed": (by_arbiter != by_all).mean(),
    })  # fmt: skip
