"""The control of Table 1: the paper's numbers, those on the authors' own networks and those on ours, side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import NORM_NAMES
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.evaluation.table1 import AGREES, table1
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.params.report import MODEL_LABELS, ReportSettings

KEYS = list(Row._fields)
SIDES = ("authors", "ours")  # the authors' networks, and ours
STATISTICS = ("median", "accuracy")
ATTACK_OR_SAMPLE = "attack or sample"
TRAINING = "training"
UNCLEAR = "training, though the intervals meet"
OPEN = "open: too few images"
UNRECORDED = "open: no record"


def authors_table(
    cells: dict[Row, Cell],
    others: Mapping[Row, str],
    clean: dict[str, pd.DataFrame],
    settings: ReportSettings,
    paper: pd.DataFrame,
    compared: Mapping[str, Released],
) -> pd.DataFrame:
    """Table 1 of the authors' networks.

    Args:
        cells, clean, settings, paper: as of evaluation.table1; what has no records may be missing.
        others: the attacks of the cells that have none; a row "All" with one of them is left out.
        compared: by model.

    Returns:
        the columns of evaluation.table1 and, beside the model, its label and the model of the paper that it is compared with;
        a row of the paper that has no records comes last, and has no n.
    """
    printed = papers_rows(paper, compared)
    recorded = table1(cells, clean, settings, printed)
    incomplete = [
        Row(row.norm, label.format(NORM_NAMES[row.norm]), row.model)
        for row, attack in others.items()
        for label, attacks in settings.all.rows().items()
        if attack in attacks
    ]
    recorded = recorded[~recorded.set_index(KEYS).index.isin(incomplete)]
    names = {"median_distance": "paper_median", "accuracy_at_threshold": "paper_accuracy"}
    absent = ~printed.set_index(KEYS).index.isin(recorded.set_index(KEYS).index)
    table = pd.concat([recorded, printed[absent].rename(columns=names)], ignore_index=True)
    for place, column in enumerate(("label", "paper")):
        values = table["model"].map({name: getattr(one, column) for name, one in compared.items()})
        table.insert(len(KEYS) + place, "compared_with" if column == "paper" else column, values)
    return table.astype({"n": "Int64"})


def papers_rows(paper: pd.DataFrame, compared: Mapping[str, Released]) -> pd.DataFrame:
    """The paper's Table 1 with its rows under the names of the models that are compared with them."""
    rows = [paper[paper["model"] == released.paper].assign(model=model) for model, released in compared.items()]
    return pd.concat(rows, ignore_index=True)


def spread(ours: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """Between what numbers the trainings of a network lie that differ in the seed alone.

    Args:
        ours: as evaluation.table1 has it, of the first training.
        trainings: the same rows of the others.

    Returns:
        by norm, attack and model, for each statistic its least and its greatest; rows without another training are left out, and
        those over several attacks, of which each table has its own.
    """
    trainings = trainings[~trainings["attack"].str.startswith("All ")]
    first, others = (table.set_index(KEYS)[list(STATISTICS)] for table in (ours, trainings))
    together = pd.concat([first[first.index.isin(others.index)], others]).groupby(level=KEYS)
    least, greatest = together.min().add_suffix("_least"), together.max().add_suffix("_greatest")
    return least.join(greatest).add_prefix("trainings_")


def control(authors: pd.DataFrame, ours: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """The numbers of the paper, of the authors' networks and of ours, and what a difference is about.

    Args:
        authors: as `authors_table` has it.
        ours: as evaluation.table1 has it.
        trainings: as `spread` has it.

    Returns:
        norm, attack, model, label; for each side n; for each statistic the paper's number, that of each side with its 95 %
        interval and its verdict, between what numbers our trainings lie, and what the difference is about (see `about`). Models
        that the authors didn't release come last.
    """
    released = dict.fromkeys(authors[["model", "label", "compared_with"]].itertuples(index=False, name=None))
    known = {paper for _, _, paper in released}
    others = [(name, label, name) for name, label in MODEL_LABELS.items() if name not in known]
    keys = [*zip(ours["norm"], ours["attack"]), *zip(authors["norm"], authors["attack"])]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    parts = []
    for name, label, paper in [*released, *others]:
        both = _side(authors, name, "authors").join(_side(ours, paper, "ours"), how="outer")
        for statistic in STATISTICS:
            printed = (both.pop(f"{side}_paper_{statistic}") for side in SIDES)
            both[f"paper_{statistic}"] = next(printed).fillna(next(printed))
            both[f"{statistic}_about"] = about(both, statistic)
        both = both.assign(model=name, label=label, place=both.index.map(places))
        parts.append(both.sort_values("place").reset_index())
    table = pd.concat(parts, ignore_index=True).join(trainings, on=KEYS)[[*KEYS, "label", *_columns()]]
    return table.astype({f"{side}_n": "Int64" for side in SIDES})


def _side(table: pd.DataFrame, model: str, side: str) -> pd.DataFrame:
    """The rows of a model by norm and attack, their columns under the name of the side."""
    own = table[table["model"] == model].set_index(["norm", "attack"])
    return own[["n", *(column for name in STATISTICS for column in _numbers(name))]].add_prefix(f"{side}_")


def _numbers(statistic: str) -> tuple[str, ...]:
    return (*(f"{statistic}{end}" for end in ("", "_low", "_high", "_verdict")), f"paper_{statistic}")


def _columns() -> list[str]:
    found = [f"{side}_n" for side in SIDES]
    for statistic in STATISTICS:
        found += [f"paper_{statistic}"]
        found += [f"{side}_{column}" for side in SIDES for column in _numbers(statistic)[:-1]]
        found += [f"trainings_{statistic}_{end}" for end in ("least", "greatest")] + [f"{statistic}_about"]
    return found


def about(table: pd.DataFrame, statistic: str) -> pd.Series:
    """What a row's difference from the paper is about.

    Attack or sample: the 95 % interval on the authors' networks excludes the paper's number. Training: only that on ours does;
    where the two intervals meet, the networks themselves are not shown to differ. It agrees where neither does. It is open where
    the authors' networks have no record, or so few images that nothing could be excluded.

    Args:
        table: columns of `control`, of both sides.

    Returns:
        one of the sentences above; nothing where the paper has no number.
    """
    theirs, ours = (table[f"{side}_{statistic}_verdict"] for side in SIDES)
    low, high = table[f"authors_{statistic}_low"], table[f"authors_{statistic}_high"]
    apart = (low > table[f"ours_{statistic}_high"]) | (high < table[f"ours_{statistic}_low"])
    found = pd.Series(AGREES, index=table.index, dtype=object)
    found = found.mask(ours.notna() & (ours != AGREES), np.where(apart, TRAINING, UNCLEAR))
    found = found.mask(theirs.notna() & (theirs != AGREES), ATTACK_OR_SAMPLE)
    found = found.mask((low == 0) & np.isinf(high), OPEN)
    found = found.mask(table[f"authors_{statistic}"].isna(), UNRECORDED)
    return found.where(table[f"paper_{statistic}"].notna())
