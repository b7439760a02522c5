"""What every block of params.yaml is made of."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(gt=1)]


@dataclass(frozen=True)
class Paper:
    """Marks a setting that the paper has a symbol or a value for: Annotated[Share, Paper("epsilon, eq. 9")]."""

    symbol: str


@dataclass(frozen=True)
class Foolbox:
    """Marks a setting that Foolbox has under the same name: Annotated[Count, Foolbox("DDNAttack")]."""

    attack: str


class Block(BaseModel):
    """A block of params.yaml: unknown keys and values of another type are refused.

    The string below a field describes it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
