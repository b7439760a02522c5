"""The block `bounds`: lower bounds by cutting planes."""

from pydantic import model_validator

from analysis_by_synthesis.params.base import Block, Count, Positive, Share


class CutSettings(Block):
    """How the bounds are searched for.

    Args: screened: candidates of each class whose perturbations are measured; starts: of the search over z, the smallest of
    these, of all classes; each: so many of each class at least; nearest: starts of each class that explain the image best;
    kept: runs that go on from these starts, of all classes; rounds: cuts, one at a time; rivals: runs that begin after each;
    evaluations: of the gradient, between two looks at the perturbation; tolerance: share by which a perturbation still
    changes when its run has converged; alternations: of delta and z at most, until then; weighings, rate: steps towards
    the best mixture of cuts; same: latents of one class that are closer are on their way to the same minimum;
    finished: runs that end with `finer` times the weighings, and the tolerance divided by it; reach: how much deeper than
    the half-space an attack goes; bisections: of that depth; slack: share by which bounds are lowered, for what the
    tolerance leaves.
    """

    screened: Count
    starts: Count
    each: Count
    nearest: Count
    kept: Count
    rounds: Count
    rivals: Count
    evaluations: Count
    tolerance: Share
    alternations: Count
    weighings: Count
    rate: Positive
    same: Positive
    finished: Count
    finer: Count
    reach: Positive
    bisections: Count
    slack: Share

    def deciding(self) -> "CutSettings":
        """For the runs that decide the bound."""
        return self.model_copy(
            update={"weighings": self.finer * self.weighings, "tolerance": self.tolerance / self.finer}
        )


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
