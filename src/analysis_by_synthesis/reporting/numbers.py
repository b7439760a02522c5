"""How numbers read on the page."""

import re

import numpy as np

from analysis_by_synthesis.distances import Norm

UNKNOWN = "–"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits; thousands in full, powers of ten as in print."""
    if value is None or np.isnan(value):
        return UNKNOWN
    if np.isinf(value):
        return "∞"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}" if exponent else mantissa


def distance(value: float | None, norm: Norm) -> str:
    """With as many digits for each entry of a column; L0 counts pixels."""
    if norm == "l0" or value is None or not np.isfinite(value) or value >= 1000:
        return number(value)
    return f"{value:#.3g}".rstrip(".")


def share(value: float | None, digits: int = 0) -> str:
    """In per cent."""
    return UNKNOWN if value is None or np.isnan(value) else f"{100 * value:.{digits}f} %"


def columns_of_words(rows: list[dict[str, str]]) -> set[str]:
    """The columns of a table in which some cell has a word or several values; the others line up as numbers."""
    return {name for row in rows for name, value in row.items() if re.search("[a-z]{3}|;", value)}


def javascript(value: float) -> str:
    """As JavaScript's parseFloat reads it."""
    return "Infinity" if np.isinf(value) else f"{value:.6g}"
