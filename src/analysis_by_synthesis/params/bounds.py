"""The block `bounds`: lower bounds by cutting planes."""

from pydantic import model_validator

from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class CutSettings(Block):
    """How the bounds of one image are searched for (bounds.cuts)."""

    opening_starts: Count
    """Starts of the search before there are cuts to look for, at least one in each class."""
    opening_runs: Count
    """Runs that go on from these."""
    outer_factor: Positive
    """So much farther out all candidates are taken a second time: some minima lie where the prior hardly ever is."""
    screened: Count
    """Candidates of each class whose perturbations are measured."""
    starts: Count
    """Starts of the search over z, of all classes: the candidates with the smallest perturbations."""
    starts_per_class: Count
    """Least number of these starts in each class."""
    nearest_starts: Count
    """Further starts of each class: the candidates that explain the image best."""
    scattered: Count
    """Further starts around each of the smallest runs."""
    spread: Positive
    """Standard deviation of these, in latent space."""
    runs: Count
    """Runs that go on from these starts, of all classes."""
    rounds: Count
    """Number of rounds; each adds a cut."""
    new_runs: Count
    """Runs that begin after each cut."""
    evaluations: Count
    """Evaluations of D and its gradient by BFGS between two updates of the perturbation."""
    tolerance: Share
    """Relative change of a perturbation below which its run has converged."""
    alternations: Count
    """Largest number of alternations of perturbation and latent until then."""
    weight_steps: Count
    """Gradient steps towards the best weights of the cuts."""
    weight_rate: Positive
    """Length of the first of these steps; the others shorten evenly towards 0."""
    merge_radius: Positive
    """Distance in latent space below which two runs of a class count as one."""
    final_runs: Count
    """Runs that are followed longest."""
    final_factor: Count
    """These have so many times the weight steps, and a tolerance divided by it."""
    attack_depth: Positive
    """How far the attack goes, as a multiple of the perturbation that reaches the half-space."""
    bisections: Count
    """Halvings of this depth."""
    slack: Share
    """Share by which bounds are lowered, for what the tolerance leaves."""

    def opening(self) -> "CutSettings":
        """For the search before there are cuts to look for."""
        fewer = {"starts": self.opening_starts, "starts_per_class": 1, "runs": self.opening_runs}
        return self.model_copy(update=fewer)

    def deciding(self) -> "CutSettings":
        """For the runs that decide the bound."""
        finer = {
            "weight_steps": self.final_factor * self.weight_steps,
            "tolerance": self.tolerance / self.final_factor,
        }
        return self.model_copy(update=finer)


class BoundsSettings(Block):
    """The bounds of the first test images of the order."""

    images: dict[str, Count]
    """Number of test images, by model."""
    effort: str
    """The name of one of the searches."""
    search: dict[str, CutSettings]
    """The searches, by effort: quick, standard, thorough, exhaustive."""

    @model_validator(mode="after")
    def _effort_is_known(self) -> "BoundsSettings":
        if self.effort not in self.search:
            raise ValueError(f"the effort has to be one of {', '.join(self.search)}")
        return self

    @property
    def chosen(self) -> CutSettings:
        """The search of this effort."""
        return self.search[self.effort]
