"""The control of Table 1 for people."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES
from analysis_by_synthesis.evaluation.control import STATISTICS
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.numbers import number

TEXT = (
    "The paper's numbers, those on the networks that its authors released, and those on ours, of the same attacks. Where the 95 %"
    " interval on the authors' networks excludes the paper's number, the difference is about attack or sample; where only the interval"
    " on ours does, it is about training, which is shown only where the two intervals lie apart. Our trainings: between what numbers"
    " those lie that differ in the seed alone."
)
FORMATS = {"median": "{:.3g}", "accuracy": "{:.1%}"}
NO_RECORD = "no record"


def rows(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    """The rows that the paper has too, each cell by the name of its column.

    Args:
        table: as of evaluation.control.
    """
    printed = table[[f"paper_{statistic}" for statistic in STATISTICS]].notna().any(axis=1)
    for row in table[printed].to_dict("records"):
        statistics = [name for name in STATISTICS if pd.notna(row[f"paper_{name}"])]
        yield {
            "Attack": name_of(row),
            "Paper": "; ".join(shown(row[f"paper_{name}"], name) for name in statistics),
            "Authors' weights": _side(row, "authors", statistics),
            "Our weights": _side(row, "ours", statistics),
            "Our trainings": "; ".join(filter(None, (_range(row, name) for name in statistics))),
            "About": _about({name: row[f"{name}_about"] for name in statistics}),
        }


def _range(row: Mapping[str, Any], name: str) -> str:
    least, greatest = (shown(row[f"trainings_{name}_{end}"], name) for end in ("least", "greatest"))
    return f"{least} to {greatest}" if least else ""


def _about(found: dict[str, str]) -> str:
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{name}: {what}" for name, what in found.items())


def name_of(row: Mapping[str, Any] | pd.Series) -> str:
    """A row's name in tables."""
    alone = row["norm"] == "clean" or row["attack"].startswith("All")
    return row["attack"] if alone else f"{NORM_NAMES[row['norm']]}: {row['attack']}"


def _side(row: Mapping[str, Any], side: str, statistics: list[str]) -> str:
    if pd.isna(row[f"{side}_n"]):
        return NO_RECORD
    estimates = [estimate(row, f"{side}_{name}", name) for name in statistics]
    return f"{'; '.join(estimates)}; n = {row[f'{side}_n']:,}"


def estimate(row: Mapping[str, Any] | pd.Series, column: str, statistic: str) -> str:
    """A statistic with its interval.

    Args:
        column: the prefix of its columns.
        statistic: median or accuracy.
    """
    value, low, high = (shown(row[f"{column}{end}"], statistic) for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def shown(value: float, statistic: str) -> str:
    """A number; nothing where there is none."""
    return "" if pd.isna(value) else FORMATS[statistic].format(value).replace("inf", "∞")


def counts(table: pd.DataFrame, statistic: str) -> str:
    """How many rows are about what, the models that were released alone."""
    released = table[table.groupby("model")["authors_n"].transform("count") > 0]
    found = Counter(released[f"{statistic}_about"].dropna())
    return "; ".join(f"{what}: {count}" for what, count in found.most_common())


def table_as_markdown(table: pd.DataFrame) -> str:
    """A table for each model: a row per attack, median and accuracy with their 95 % intervals."""
    lines = [TEXT, "", *(f"{statistic.title()}: {counts(table, statistic)}." for statistic in STATISTICS)]
    for label, group in table.groupby("label", sort=False):
        cells = list(rows(group))
        lines += ["", f"**{label}**", "", f"| {' | '.join(cells[0])} |", "|---" * len(cells[0]) + "|"]
        lines += [f"| {' | '.join(row.values())} |" for row in cells]
    return "\n".join(lines) + "\n"


def disagreements_as_markdown(found: pd.DataFrame, factor: float) -> str:
    """The disagreements of Table 1 with the paper, one sentence for each."""
    if found.empty:
        return f"No median differs from the paper's by more than a factor of {factor}.\n"
    lines = [f"Medians that differ from the paper's by more than a factor of {factor}:", ""]
    for row in found.itertuples():
        lines.append(
            f"* {name_of(row._asdict())}, {MODEL_LABELS[row.model]}: {number(row.median)} instead of {number(row.paper_median)}: {row.why}."
        )
    return "\n".join(lines) + "\n"
