"""The table of the authors' own networks for people, as Markdown."""

from collections.abc import Mapping

import pandas as pd

from analysis_by_synthesis.evaluation.control import STATISTICS
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.reporting.control import NO_RECORD, estimate, name_of, shown


def table_as_markdown(table: pd.DataFrame, compared: Mapping[str, Released]) -> str:
    """A table for each model: median and accuracy of each attack with their 95 % intervals, the paper's beside them."""
    lines = [
        "The networks that the authors released, under the attacks of this repository. Medians and accuracies with 95 %",
        "intervals; the paper's numbers beside them.",
    ]
    for model, released in compared.items():
        lines += ["", f"**{released.label}**", "", "| | n | median | paper | accuracy | paper |", "|---" * 6 + "|"]
        for _, row in table[table["model"] == model].iterrows():
            paper = [shown(row[f"paper_{name}"], name) for name in STATISTICS]
            if pd.isna(row["n"]):
                lines.append(f"| {name_of(row)} | {NO_RECORD} | | {paper[0]} | | {paper[1]} |")
                continue
            median = "" if row["norm"] == "clean" else estimate(row, "median", "median")
            cells = (name_of(row), str(row["n"]), median, paper[0], estimate(row, "accuracy", "accuracy"), paper[1])
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
