"""The block `bounds_check`: a search that tries to disprove the bounds."""

from analysis_by_synthesis.params.base import Block, Count, Positive


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
