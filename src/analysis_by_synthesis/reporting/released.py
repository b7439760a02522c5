"""The table of the authors' own networks for people, as Markdown."""

from collections.abc import Mapping

import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES
from analysis_by_synthesis.params.released import Released


def papers_rows(paper: pd.DataFrame, compared: Mapping[str, Released]) -> pd.DataFrame:
    """The paper's Table 1 with its rows under the names of the models that are compared with them."""
    rows = [paper[paper["model"] == released.paper].assign(model=model) for model, released in compared.items()]
    return pd.concat(rows, ignore_index=True)


def table_as_markdown(table: pd.DataFrame, compared: Mapping[str, Released]) -> str:
    """A table for each model: median and accuracy of each attack with their 95 % intervals, the paper's beside them."""
    lines = [
        "The networks that the authors released, under the attacks of this repository. Medians and accuracies with 95 %",
        "intervals; the paper's numbers are of these networks on other images.",
    ]
    for model, released in compared.items():
        lines += ["", f"**{released.label}**", "", "| | n | median | paper | accuracy | paper |", "|---" * 6 + "|"]
        for _, row in table[table["model"] == model].iterrows():
            norm, attack = row["norm"], row["attack"]
            name = attack if norm == "clean" or attack.startswith("All") else f"{NORM_NAMES[norm]}: {attack}"
            distances = "" if norm == "clean" else _estimate(row, "median", "{:.3g}")
            accuracies = _estimate(row, "accuracy", "{:.1%}")
            theirs = _paper(row["paper_median"], "{:.3g}"), _paper(row["paper_accuracy"], "{:.1%}")
            lines.append(f"| {name} | {row['n']} | {distances} | {theirs[0]} | {accuracies} | {theirs[1]} |")
    return "\n".join(lines) + "\n"


def _estimate(row: pd.Series, name: str, digits: str) -> str:
    value, low, high = (digits.format(row[key]).replace("inf", "∞") for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} ({low} to {high})"


def _paper(value: float, digits: str) -> str:
    return "" if pd.isna(value) else digits.format(value).replace("inf", "∞")
