"""Figures that consist of MNIST images with captions."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from analysis_by_synthesis.pipeline.tables import write_arrays
from analysis_by_synthesis.reporting.style import save

SIDE = 28
PIXELS_PER_INCH = 50  # of the images; at 150 dpi each becomes three by three pixels of the figure


class Canvas:
    """A white page of width x height image pixels; x runs to the right, y downwards, both from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.ones((height, width))
        self.texts: list[str] = []
        size = (width / PIXELS_PER_INCH, height / PIXELS_PER_INCH)
        self.figure = plt.figure(figsize=size)
        self.axis = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self.axis.axis("off")

    def image(self, x: int, y: int, picture: ArrayLike) -> None:
        """Put an image (28, 28) with its upper left corner at (x, y)."""
        self.pixels[y : y + SIDE, x : x + SIDE] = picture

    def missing(self, x: int, y: int) -> None:
        """Mark the place at (x, y) of an image that there is none of."""
        self.axis.add_patch(Rectangle((x, y), SIDE, SIDE, facecolor="none", edgecolor="0.7", linewidth=0.5))
        self.text(x + SIDE / 2, y + SIDE / 2, "none", color="0.5", va="center")

    def bar(self, x: int, y: int, share: float) -> None:
        """A bar as wide as an image, filled from the left by this share."""
        for width, color in ((SIDE, "0.88"), (SIDE * share, "0.25")):
            self.axis.add_patch(Rectangle((x, y), width, 3, facecolor=color, linewidth=0))

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Centred above (x, y), in small print, unless the style says otherwise."""
        self.texts.append(text)
        defaults: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 6.5}
        self.axis.text(x, y, text, **defaults | style)

    def save(self, path: Path) -> None:
        """Write the figure to `path`, and what it draws, pixels and texts, to drawn/ beside it."""
        drawn = path.parent / "drawn" / f"{path.stem}.npz"
        write_arrays(drawn, pixels=(self.pixels * 255).round().astype(np.uint8), texts=np.array(self.texts))
        height, width = self.pixels.shape
        self.axis.imshow(
            self.pixels, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), aspect="auto", interpolation="none"
        )
        save(self.figure, path)
