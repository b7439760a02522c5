"""The block `bounds_check`: a search that tries to disprove the bounds."""

from analysis_by_synthesis.params.base import Block, Count, Positive


class CheckSettings(Block):
    """How bounds are tried to be disproved."""

    images: Count
    """Number of test images, the first ones of the order."""
    seed: int
    """Of the candidates and of the scattering."""
    candidates: Count
    """Latents of each class among which starts are chosen."""
    starts: Count
    """Starts in each class."""
    scattered: Count
    """Starts around each latent that the search for the bounds has ended at."""
    spread: Positive
    """Standard deviation of these, in latent space."""
    runs: Count
    """Runs that are followed."""
    rounds: Count
    """Updates of the perturbation while they are."""
    weight_steps: Count
    """Gradient steps towards the best weights of the cuts, in each round."""
    exact_runs: Count
    """Runs whose smallest perturbation inside all half-spaces is solved for exactly."""
    alternations: Count
    """Alternations of this perturbation and the latent, for the best of them."""
    evaluations: Count
    """Evaluations of D and its gradient by BFGS between two updates."""
