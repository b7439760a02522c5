"""The closest inputs of the samples of an attack, as it came nearer."""

import torch
from torch import Tensor


class Trail:
    """The last improvements of each sample.

    Args:
        images: the clean images (N, 1, 28, 28).
        size: how many are kept of each; the oldest makes room.
        share: an input is an improvement if it is less than `share` times as far away as the one before.
    """

    def __init__(self, images: Tensor, size: int, share: float = 1.0) -> None:
        self.share = share
        self.least = torch.full((len(images),), torch.inf, device=images.device)
        self._kept = images.new_empty(len(images), size, *images.shape[1:])
        self._found = torch.zeros(len(images), dtype=torch.long, device=images.device)

    def add(self, x: Tensor, away: Tensor, rows: Tensor) -> None:
        """Look at inputs x (M, 1, 28, 28) of the samples `rows` (M,), so far away (M,); inf where one doesn't count."""
        closer = away < self.share * self.least[rows]
        self.least[rows] = torch.where(closer, away, self.least[rows])
        place = rows, self._found[rows] % self._kept.shape[1]
        self._kept[place] = torch.where(closer[:, None, None, None], x.to(self._kept.dtype), self._kept[place])
        self._found[rows] += closer

    def closest(self, sample: int) -> list[Tensor]:
        """The images (1, 28, 28) that are kept of a sample, closest first."""
        size, found = self._kept.shape[1], int(self._found[sample])
        return [self._kept[sample, i % size] for i in reversed(range(max(found - size, 0), found))]
