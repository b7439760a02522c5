"""The paper's numbers, those on the authors' networks and those on ours, side by side."""

import numpy as np
import pandas as pd
import pytest
from test_report import PAPER, SETTINGS, found

from analysis_by_synthesis.evaluation.control import (
    ATTACK_OR_SAMPLE,
    OPEN,
    TRAINING,
    UNCLEAR,
    UNRECORDED,
    authors_table,
    control,
    spread,
)
from analysis_by_synthesis.evaluation.results import Row
from analysis_by_synthesis.evaluation.table1 import AGREES, table1
from analysis_by_synthesis.params.released import Released
from analysis_by_synthesis.reporting.control import NO_RECORD, counts, rows, table_as_markdown
from analysis_by_synthesis.reporting.page import sections

COMPARED = {"cnn": Released(label="CNN", paper="cnn"), "twin": Released(label="A second CNN", paper="cnn")}
FGM, DEEPFOOL = ("l2", "FGM"), ("l2", "DeepFool")  # the paper's medians of the CNN: 1.4 and 1.2
AROUND = np.linspace(1.0, 1.8, 20)


def authors(*entries, others=None):
    clean = {"cnn": pd.DataFrame({"label": [1] * 100, "predicted": [1] * 99 + [0]})}
    return authors_table(found(*entries), others or {}, clean, SETTINGS, PAPER, COMPARED)


def side_by_side(theirs, ours):
    """The row of FGM on the CNN, from the distances that were found on both networks."""
    mine = table1(found((*FGM, "cnn", ours)), {}, SETTINGS, PAPER)
    return (
        control(authors((*FGM, "cnn", theirs)), mine, spread(mine, mine[:0]))
        .set_index(["norm", "attack", "model"])
        .loc[(*FGM, "cnn")]
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "about"),
    [
        (AROUND, AROUND, AGREES),
        (AROUND + 1, AROUND, ATTACK_OR_SAMPLE),
        (AROUND + 1, AROUND + 1, ATTACK_OR_SAMPLE),
        (AROUND, AROUND + 1, TRAINING),
        (AROUND, AROUND + 0.3, UNCLEAR),
        (AROUND[:5], AROUND + 1, OPEN),
    ],
)
def test_what_a_difference_is_about(theirs, ours, about):
    row = side_by_side(theirs, ours)
    assert row["median_about"] == about
    assert (row["paper_median"], row["authors_n"], row["ours_n"]) == (1.4, len(theirs), len(ours))
    assert row["authors_median"] == np.median(theirs) and row["ours_median"] == np.median(ours)


@pytest.fixture
def table():
    ours = found((*FGM, "cnn", AROUND), (*FGM, "madry", AROUND), (*DEEPFOOL, "cnn", AROUND))
    mine = table1(ours, {}, SETTINGS, PAPER)
    another = table1(found((*FGM, "cnn", AROUND + 0.5)), {}, SETTINGS, PAPER)
    return control(authors((*FGM, "cnn", AROUND)), mine, spread(mine, another))


def test_what_has_no_record_is_empty_and_says_so(table):
    by_row = table.set_index(["norm", "attack", "model"])
    for row in ((*DEEPFOOL, "cnn"), (*FGM, "twin"), (*FGM, "madry")):
        assert pd.isna(by_row.loc[row, "authors_n"]) and by_row.loc[row, "median_about"] == UNRECORDED
    assert by_row.loc[(*FGM, "twin"), "ours_median"] == np.median(AROUND)
    shown = {row["Attack"]: row for row in rows(table[table["model"] == "cnn"])}
    assert shown["L2: DeepFool"]["Authors' weights"] == NO_RECORD and "n = 20" in shown["L2: DeepFool"]["Our weights"]


def test_trainings_that_differ_in_the_seed_alone_stand_beside_ours(table):
    shown = {row["Attack"]: row for row in rows(table[table["model"] == "cnn"])}
    assert shown["L2: FGM"]["Our trainings"] == "1.4 to 1.9; 40.0% to 95.0%"
    assert shown["L2: DeepFool"]["Our trainings"] == shown["All L2 Attacks"]["Our trainings"] == ""


def test_every_model_of_the_paper_and_of_the_authors_has_a_table(table):
    text = table_as_markdown(table)
    for label in ("CNN", "A second CNN", "Nearest Neighbor", "Madry et al."):
        assert (f"**{label}**" in text) == (label in set(table["label"]))
    assert "nan" not in text and "<NA>" not in text
    assert counts(table, "median").startswith(f"{UNRECORDED}: ")


def test_several_attacks_together_wait_for_all_of_them():
    complete = authors((*FGM, "cnn", AROUND), (*DEEPFOOL, "cnn", AROUND))
    assert complete.set_index(["attack", "model"]).loc[("All L2 Attacks", "cnn"), "n"] == 20
    partly = authors((*FGM, "cnn", AROUND), others={Row(*DEEPFOOL, "cnn"): "deepfool_l2"})
    assert partly.set_index(["attack", "model"]).loc[("All L2 Attacks", "cnn")].isna()["n"]


def test_the_page_has_the_section_where_the_table_is(table, tmp_path):
    assert list(sections.control(tmp_path / "control.csv")) == []
    table.to_csv(tmp_path / "control.csv", index=False)
    (section,) = sections.control(tmp_path / "control.csv")
    assert section["rows"][0]["Model"] == "CNN" and "n = 20" in str(section["rows"])
    assert not any("nan" in value or "<NA>" in value for row in section["rows"] for value in row.values())
