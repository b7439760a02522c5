"""What every block of params.yaml is made of."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(gt=1)]


@dataclass(frozen=True)
class Paper:
    """Marks a setting that the paper has: Annotated[Share, Paper("epsilon, eq. 9")]."""

    symbol: str
    """The paper's symbol or value, and where it stands."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"paper": self.symbol}


@dataclass(frozen=True)
class Foolbox:
    """Marks a setting that an attack of Foolbox has under the same name: Annotated[Count, Foolbox("DDNAttack")]."""

    attack: str
    """The class in foolbox.attacks."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"foolbox": self.attack}


class Block(BaseModel):
    """A block of params.yaml: unknown keys and values of another type are refused.

    The string below a field describes it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
