"""How far the bounds depend on the search behind them."""

import pandas as pd
from torch import Tensor

from analysis_by_synthesis.bounds.cuts import CutSettings, bracket
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


def compare_searches(
    model: ABS, images: Tensor, labels: Tensor, norm: Norm, settings: CutSettings, check: CheckSettings
) -> pd.DataFrame:
    """Search for the minimum over z anew, after all cuts, with other candidates and other numbers of starts.

    Returns:
        a row per image that is classified correctly, effort and seed: image (its place in the batch), norm, candidates, starts, seed, lower (of the
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
            which = {"image": index.cpu(), "norm": norm, **effort.model_dump(), "seed": seed}
            tables.append(pd.DataFrame(which | {"lower": known.lower.cpu(), "found": found.cpu()}))
    return pd.concat(tables)
