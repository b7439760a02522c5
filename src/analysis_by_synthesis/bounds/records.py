"""The records of the bounds: what is known about each image."""

import torch
from pydantic import model_validator
from torch import Tensor

from analysis_by_synthesis.bounds.cuts import CutSettings, bracket, single_without_box
from analysis_by_synthesis.bounds.single_perturbation import Stretched
from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.recorder import Recorder
from analysis_by_synthesis.models import predict
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.params import Block, Count, Positive


class BoundsSettings(Block):
    """Args: images: the first so many test images, by model; effort: the name of one of the searches, from quick to
    exhaustive; search: for each image and norm, by effort."""

    images: dict[str, Count]
    effort: str
    search: dict[str, CutSettings]

    @model_validator(mode="after")
    def _effort_is_known(self) -> "BoundsSettings":
        if self.effort not in self.search:
            raise ValueError(f"the effort has to be one of {', '.join(self.search)}")
        return self

    @property
    def chosen(self) -> CutSettings:
        """The search of this effort."""
        return self.search[self.effort]


class CheckSettings(Block):
    """How bounds are tried to be disproved.

    Args: images: a random sample of the test images; seed: of the sample, the candidates and the scattering; candidates:
    among which starts are chosen; starts: of each class; scattered: starts around each of the bracket's latents; spread:
    standard deviation of these; kept: runs that are followed, `looks` times, with `weighings` of the cuts each; exact: runs
    whose minimum is solved for; alternations: of this minimum and the latent, for the best of them; evaluations: of the
    gradient for a latent.
    """

    images: Count
    seed: int
    candidates: Count
    starts: Count
    scattered: Count
    spread: Positive
    kept: Count
    looks: Count
    weighings: Count
    exact: Count
    alternations: Count
    evaluations: Count


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
