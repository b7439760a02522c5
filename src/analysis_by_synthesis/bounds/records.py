"""The records of the bounds: what is known about each image, and about the search."""

import pandas as pd
import torch
from torch import Tensor

from analysis_by_synthesis.bounds.cuts import CutSettings, bracket, single_without_box
from analysis_by_synthesis.bounds.single_perturbation import Stretched
from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.inference import build_inference
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params import Block, Count


class BoundsSettings(Block):
    """Args: images: the first so many test images, by model; search: for each image and norm."""

    images: dict[str, Count]
    search: CutSettings


class Effort(Block):
    """Args: candidates: among which a search over z begins; starts: of each class; alternations: as in CutSettings."""

    candidates: Count
    starts: Count
    alternations: Count


class CheckSettings(Block):
    """Args: images: the first so many test images; seeds: of the candidates; weighings: of what each search has found;
    efforts: searches that are compared."""

    images: Count
    seeds: Count
    weighings: Count
    efforts: list[Effort]


def lower_bounds(model: ABS, images: Tensor, labels: Tensor, norm: Norm, settings: CutSettings) -> dict[str, Tensor]:
    """Lower bounds for images (N, 1, 28, 28) with labels (N,); 0 where the image is misclassified already.

    Returns:
        per image: rival (the class nearest by, or predicted already), single_without_box (nan where there is none),
        single and lower (bounds.cuts).
    """
    predicted = predict(model, images)
    right = predicted == labels
    found = bracket(Recorder(model, images[right], labels[right], norm), settings)
    boxed = isinstance(found.relaxation.perturbations, Stretched)
    free = single_without_box(found, settings) if boxed else torch.full_like(found.lower, torch.nan)
    zeros = images.new_zeros(len(labels))
    return {"rival": predicted.index_put((right,), found.runs.classes[:, 0])} | {
        name: zeros.index_put((right,), bound)
        for name, bound in (("single_without_box", free), ("single", found.single), ("lower", found.lower))
    }


def compare_searches(
    model: ABS, images: Tensor, labels: Tensor, norm: Norm, settings: CutSettings, check: CheckSettings
) -> pd.DataFrame:
    """Search for the minimum over z anew, after all cuts, with other candidates and other numbers of starts.

    Returns:
        a row per image that is classified correctly, effort and seed: index, norm, candidates, starts, seed, lower (of the
        bracket) and found (the least perturbation of the new search).
    """
    index = (predict(model, images) == labels).nonzero()[:, 0]
    known = bracket(Recorder(model, images[index], labels[index], norm), settings)
    tables = []
    for effort in check.efforts:
        for seed in range(check.seeds):
            inference = build_inference(
                model.decoders, model.settings.model_copy(update={"candidates": effort.candidates, "seed": seed})
            )
            longer = settings.model_copy(update={"alternations": effort.alternations})
            runs = known.relaxation.search(inference, effort.starts, longer).first(settings.kept)
            weighed = settings.model_copy(update={"weighings": check.weighings})
            size = known.relaxation.weigh(runs.classes, runs.latents, runs.weights, weighed).size.amin(1)
            found = known.relaxation.perturbations.attainable(size)
            which = {"index": index.cpu(), "norm": norm, **effort.model_dump(), "seed": seed}
            tables.append(pd.DataFrame(which | {"lower": known.lower.cpu(), "found": found.cpu()}))
    return pd.concat(tables)
