"""Where a data set lies, and how it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Dataset:
    """Images and labels on disk.

    Attributes:
        folder: that holds them.
        files: their names, by split.
        read: of a split in a folder, images (N, *image_shape), float32 in [0, 1], and labels (N,), int64.
    """

    folder: Path
    files: Mapping[Split, tuple[str, ...]]
    read: Callable[[Split, Path], tuple[Tensor, Tensor]]

    def load(self, split: Split) -> tuple[Tensor, Tensor]:
        """Images and labels of a split.

        Raises:
            UserError: a file is missing or damaged.
        """
        return self.read(split, self.folder)

    def paths(self, *splits: Split) -> list[Path]:
        """The files of these splits."""
        return [self.folder / name for split in splits for name in self.files[split]]
