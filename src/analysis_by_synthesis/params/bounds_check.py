"""The block `bounds_check`: a search that tries to disprove the bounds."""

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class CheckSettings(Block):
    """How bounds are tried to be disproved."""

    images: Count
    """Number of test images, the first ones of the order."""
    seeds: list[int] = Field(min_length=1)
    """Of the candidates and of the scattering: a search of its own for each."""
    candidates: Count
    """Latents of each class among which starts are chosen."""
    starts: Count
    """Starts in each class against the cuts, and as many again at the end of its smallest perturbation."""
    scattered: Count
    """Starts around each latent that the search for the bounds has ended at."""
    spread: Positive
    """Standard deviation of these, in latent space."""
    runs: Count
    """Runs that are followed until they have converged."""
    weight_steps: Count
    """Gradient steps towards the best weights of the cuts, for each perturbation."""
    evaluations: Count
    """Evaluations of D and its gradient by BFGS between two updates of the perturbation."""
    tolerance: Share
    """Relative change of a perturbation below which its run has converged."""
    alternations: Count
    """Largest number of alternations of perturbation and latent until then."""
    exact_runs: Count
    """Runs whose smallest perturbation inside all half-spaces is solved for exactly, in turn with the latent."""
