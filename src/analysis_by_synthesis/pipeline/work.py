"""The long work of a stage, in pieces that can be made in any order, side by side, on many machines.

A stage yields its work, and is sent the pieces:

    def main(project: Project, model: str) -> Steps:
        ...
        pieces = yield Work(checkpoints, {"0": partial(make, 0), "1": partial(make, 1)}, samples=2, label=model)
        ...
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis_by_synthesis.pipeline.checkpoints import Checkpoints
from analysis_by_synthesis.pipeline.progress import progress

Piece = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """The pieces of a stage's work.

    Attributes:
        checkpoints: where finished pieces are kept.
        pieces: what makes each, by name. What takes long to load should be loaded by the first of these calls.
        samples: that all of it is about, as on the run card.
        label: of the progress.
    """

    checkpoints: Checkpoints
    pieces: Mapping[str, Callable[[], Piece]]
    samples: int
    label: str

    def make(self, name: str) -> Piece:
        """A piece: as it was kept, or else made now, and kept."""
        return self.checkpoints.piece(name, self.pieces[name])

    def all(self) -> list[Piece]:
        """The pieces in their order."""
        names = progress(self.pieces, self.label) if len(self.pieces) > 1 else self.pieces
        return [self.make(name) for name in names]

    def missing(self) -> dict[str, Path]:
        """The pieces that are still to be made, and the files that will hold them."""
        return {name: self.checkpoints.path(name) for name in self.pieces if self.checkpoints.load(name) is None}


Steps = Generator[Work, list[Piece], None]
