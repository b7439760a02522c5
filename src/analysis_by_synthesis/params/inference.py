"""Every number that changes a result of the inference; the values stand in params.yaml under `inference`."""

import math
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from analysis_by_synthesis.params.base import Block


class ProtocolSettings(Block):
    """The paper's search (section 3): Adam in latent space from the best candidate."""

    steps: PositiveInt
    learning_rate: PositiveFloat


class BFGSSettings(Block):
    """Quasi-Newton search with Armijo backtracking by quadratic interpolation."""

    armijo: PositiveFloat
    longest_step: PositiveFloat
    strongest_backtrack: PositiveFloat
    least_curvature: PositiveFloat


class Round(Block):
    """One round of a tournament between the classes.

    A class takes part while its value, less `optimism` times the decrease that BFGS predicts, is within `margin` of the
    best class's value (null: in any case). Its best `starts` runs go on for `evaluations` evaluations of D and its gradient; where it has
    fewer runs, new ones begin.
    """

    starts: PositiveInt
    evaluations: PositiveInt
    margin: Annotated[NonNegativeFloat, BeforeValidator(lambda margin: math.inf if margin is None else margin)]
    optimism: NonNegativeFloat


Rounds = Annotated[tuple[Round, ...], Field(strict=False, min_length=1)]


class FollowingSettings(Block):
    """How the images of an attack are looked at, which change little by little.

    Args: evaluations: of D and its gradient for each class that may have changed its place; decrease: how far D may have
    fallen, relative to the square of the change; margin: within which of the two least classes gradients need the others;
    reach: L2 change after which the search starts over.
    """

    evaluations: PositiveInt
    decrease: PositiveFloat
    margin: NonNegativeFloat
    reach: PositiveFloat


class InferenceSettings(Block):
    """How D_c(x) = min_z ||G_c(z) - x||^2 + 1/2 ||z||^2 is searched for.

    Args: nearby: evaluations of D and its gradient for an image that hardly differs from one whose latents are known.
    """

    search: Literal["default", "protocol"]
    candidates: PositiveInt
    dismissed: Annotated[float, Field(ge=0, lt=1)]
    seed: int
    principal_components: Annotated[int, Field(gt=0, multiple_of=16)]
    finalists: PositiveInt
    separation: NonNegativeFloat
    protocol: ProtocolSettings
    bfgs: BFGSSettings
    default: Rounds
    arbiter: Rounds
    decision: Rounds
    nearby: PositiveInt
    following: FollowingSettings

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
