"""How numbers read on the page."""

import numpy as np

from analysis_by_synthesis.distances import Norm

UNKNOWN = "–"


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits; thousands in full."""
    if value is None or np.isnan(value):
        return UNKNOWN
    if np.isinf(value):
        return "∞"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def distance(value: float | None, norm: Norm) -> str:
    """With as many digits for each entry of a column; L0 counts pixels."""
    if norm == "l0" or value is None or not np.isfinite(value) or value >= 1000:
        return number(value)
    return f"{value:#.3g}".rstrip(".")


def share(value: float | None, digits: int = 0) -> str:
    """In per cent."""
    return UNKNOWN if value is None or np.isnan(value) else f"{100 * value:.{digits}f} %"


def javascript(value: float) -> str:
    """As JavaScript's parseFloat reads it."""
    return "Infinity" if np.isinf(value) else f"{value:.6g}"
