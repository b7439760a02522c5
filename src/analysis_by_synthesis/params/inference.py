"""`inference` of a model: how D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2 is searched for."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from analysis_by_synthesis.params.base import Block, Count, NonNegative, Paper, Positive


class ProtocolSettings(Block):
    """The paper's search (section 3): Adam in latent space from the best candidate."""

    steps: Annotated[Count, Paper("50")]
    """Number of steps."""
    learning_rate: Annotated[Positive, Paper("0.05")]
    """Of Adam."""


class BFGSSettings(Block):
    """Quasi-Newton search with Armijo backtracking by quadratic interpolation."""

    armijo: Positive
    """Share of the predicted decrease that a step has to achieve."""
    max_step: Positive
    """Longest step, in latent space."""
    min_backtrack: Positive
    """Least factor by which a refused step is shortened."""
    min_curvature: Positive
    """Least cosine between step and change of gradient that updates the inverse Hessian."""


class Round(Block):
    """One round of a tournament between the classes.

    A class takes part while its value, less `decrease_weight` times the decrease that BFGS predicts, is within `margin` of
    the best class's value.
    """

    starts: Count
    """Runs of each class that go on, the best ones; where a class has fewer, new ones begin."""
    evaluations: Count
    """Evaluations of D and its gradient in each run."""
    margin: Annotated[NonNegative, BeforeValidator(lambda margin: math.inf if margin is None else margin)]
    """Largest difference from the best class's value; null lets all classes take part."""
    decrease_weight: NonNegative
    """Weight of the decrease that BFGS predicts."""


Rounds = Annotated[tuple[Round, ...], Field(strict=False, min_length=1)]


class FollowingSettings(Block):
    """How the images of an attack are looked at, which change little by little."""

    evaluations: Count
    """Evaluations of D and its gradient for each class that may have changed its place."""
    decrease: Positive
    """How far D may have fallen, relative to the square of the image's change."""
    margin: NonNegative
    """Difference between the two least classes below which gradients need the others too."""
    restart_distance: Positive
    """L2 change of the image after which the search starts over."""


class InferenceSettings(Block):
    """The search for the latents of each class."""

    search: Literal["default", "protocol"]
    """The search of the model: our best one, or the paper's."""
    candidates: Annotated[Count, Paper("8000")]
    """Latents, drawn from the prior, among which a search looks for its start."""
    dismissed: Annotated[float, Field(ge=0, lt=1)]
    """Share of the drawn latents, the least likely ones, that is not used."""
    seed: int
    """Of the candidates."""
    principal_components: Annotated[int, Field(gt=0, multiple_of=16)]
    """Number of principal components of the decoded candidates in which images are compared with them."""
    finalists: Count
    """Candidates of each class for which the first step is predicted."""
    separation: NonNegative
    """Least distance, in latent space, between two starts of the same class."""
    protocol: ProtocolSettings
    """The paper's search."""
    bfgs: BFGSSettings
    """The local search of all others."""
    default: Rounds
    """Rounds of the default search."""
    arbiter: Rounds
    """Rounds of the search that decides what counts as an adversarial."""
    decision: Rounds
    """Rounds of the search for the class alone."""
    nearby_evaluations: Count
    """Evaluations of D and its gradient, at most, for an image that hardly differs from one whose latents are known."""
    following: FollowingSettings
    """The search for the images of an attack."""

    @field_validator("default", "arbiter")
    @classmethod
    def _all_classes_first(cls, rounds: tuple[Round, ...]) -> tuple[Round, ...]:
        if rounds[0].margin != math.inf:
            raise ValueError("the first round has to include all classes, so its margin is null")
        return rounds

    @model_validator(mode="after")
    def _enough_candidates(self) -> "InferenceSettings":
        starts = (round.starts for rounds in (self.default, self.arbiter, self.decision) for round in rounds)
        if self.candidates < max(self.finalists, *starts):
            raise ValueError("there have to be as many candidates as finalists, and as starts of any round")
        return self
