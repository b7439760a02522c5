"""What two_class_cifar/params.yaml says beside the blocks that it shares with params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from analysis_by_synthesis.params.base import Block, Positive
from analysis_by_synthesis.params.data import Sha256

Split = Literal["train", "test"]


class Download(Block):
    """The block `data`: where CIFAR-10 comes from."""

    timeout_seconds: Positive
    """Longest wait for an answer."""
    url: str
    """Of the authors' archive, in its version for Python."""
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    """Of the archive."""
    sha256: dict[Split, Sha256]
    """Of the pixels of each split."""
