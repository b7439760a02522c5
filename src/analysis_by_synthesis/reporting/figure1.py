"""Figure 1's content: what ABS sees in an image, and how it decides."""

from pathlib import Path

import numpy as np
from torch import Tensor

from analysis_by_synthesis.reporting.canvas import SIDE, Canvas

IMAGES = 6
LEFT, TOP, ACROSS, DOWN = 4, 15, SIDE + 4, SIDE + 19


def draw(
    images: Tensor, labels: Tensor, distances: Tensor, reconstructions: Tensor, posterior: np.ndarray, path: Path
) -> None:
    """A row for each image: the image, then every class's reconstruction with its distance and probability.

    Args:
        images: (N, 1, 28, 28); labels: (N,).
        distances: D_c(x) (N, C); reconstructions: G_c(z*_c) (N, C, 1, 28, 28).
        posterior: p(c|x) (N, 10).
    """
    canvas = Canvas(LEFT + 11 * ACROSS + 10, TOP + len(images) * DOWN + 8)
    canvas.text(LEFT + SIDE / 2, 10, "image x", fontsize=8)
    first = LEFT + ACROSS + 8
    canvas.text(first, 10, "reconstruction $G_c(z^*_c)$ of every class c", fontsize=8, ha="left")
    for row, (image, label) in enumerate(zip(images, labels)):
        y = TOP + row * DOWN + 6
        canvas.text(LEFT + SIDE / 2, y, f"label {label}")
        canvas.image(LEFT, y, image[0])
        for c in range(distances.shape[1]):
            x, p = first + c * ACROSS, posterior[row, c]
            weight = "bold" if c == posterior[row].argmax() else "normal"
            canvas.text(x + SIDE / 2, y, f"{c}: p = {p:.2f}", weight=weight)
            canvas.image(x, y, reconstructions[row, c, 0])
            canvas.text(x + SIDE / 2, y + SIDE + 6, f"D = {distances[row, c]:.1f}", weight=weight)
            canvas.bar(x, y + SIDE + 7, p)
    note = "D: $\\|G_c(z^*_c) - x\\|^2 + \\|z^*_c\\|^2 / 2$ in squared pixel units; bar: posterior p(c|x) with alpha and eta"
    canvas.text(LEFT, canvas.pixels.shape[0] - 1, note, ha="left")
    canvas.save(path)
