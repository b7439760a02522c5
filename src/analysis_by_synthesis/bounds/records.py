"""What is known about each image, and the settings of the searches."""

import torch
from pydantic import model_validator
from torch import Tensor

from analysis_by_synthesis.bounds.cuts import Bracket, CutSettings, single_without_box
from analysis_by_synthesis.bounds.single_perturbation import Stretched
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

    Args: images: the first so many test images in the order of all experiments; seed: of the candidates and the scattering;
    candidates: among which starts are chosen; starts: of each class; scattered: starts around each of the bracket's
    latents; spread: standard deviation of these; kept: runs that are followed, `looks` times, with `weighings` of the cuts
    each; exact: runs whose minimum is solved for; alternations: of this minimum and the latent, for the best of them;
    evaluations: of the gradient for a latent.
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


def records(found: Bracket, search: CutSettings) -> dict[str, Tensor]:
    """What a bracket of N images says, by image.

    Returns:
        rival (the class nearest by), single_without_box (nan where there is none), single and lower (bounds.cuts).
    """
    boxed = isinstance(found.relaxation.perturbations, Stretched)
    free = single_without_box(found, search) if boxed else torch.full_like(found.lower, torch.nan)
    return {
        "rival": found.runs.classes[:, 0], "single_without_box": free, "single": found.single, "lower": found.lower,
    }  # fmt: skip
