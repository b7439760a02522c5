"""Names and looks of models and norms, the same in every table and figure."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from analysis_by_synthesis.pipeline.files import replacing

# Okabe and Ito's colours, told apart by the colour-blind; the line styles tell them apart in greyscale.
MODEL_LINES: dict[str, dict[str, Any]] = {
    "cnn": {"color": "#56B4E9", "linestyle": "-"},
    "binary_cnn": {"color": "#0072B2", "linestyle": "--"},
    "nearest_neighbor": {"color": "#009E73", "linestyle": "-."},
    "madry": {"color": "#E69F00", "linestyle": ":"},
    "binary_abs": {"color": "#D55E00", "linestyle": "--"},
    "abs": {"color": "#000000", "linestyle": "-"},
}
NORM_LABELS = {"l2": "$L_2$ distance", "linf": r"$L_\infty$ distance", "l0": "$L_0$ distance (pixels)"}

plt.rcParams.update({
    "figure.dpi": 150, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.alpha": 0.3, "lines.linewidth": 1.5, "legend.frameon": False, "svg.hashsalt": "abs",
})  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG to `path` and as PDF beside it, the same bytes for the same figure, and close it."""
    save_png(figure, path)
    with replacing(path.with_suffix(".pdf")) as partial:
        figure.savefig(partial, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None})


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, and close it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")  # the layout is found, and serves the PDF too
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
    is_grey = (pixels == pixels[:, :, :1]).all()
    coloured = Image.fromarray(pixels)
    few = Image.Quantize.MAXCOVERAGE  # makes smaller files, and keeps the colours of a line that is short
    image = Image.fromarray(pixels[:, :, 0]) if is_grey else coloured.quantize(method=few)
    with replacing(path) as partial:
        image.save(partial, format="png", optimize=True)
    plt.close(figure)
