import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from project import PROJECT

from analysis_by_synthesis.distances import NORMS, distance
from analysis_by_synthesis.evaluation.disagreements import OPEN, disagreements
from analysis_by_synthesis.evaluation.flags import flags
from analysis_by_synthesis.evaluation.results import Cell, Row, all_attacks, smallest_distances
from analysis_by_synthesis.evaluation.statistics import accuracy_curve, median, share
from analysis_by_synthesis.evaluation.table1 import summarise, table1
from analysis_by_synthesis.evaluation.union import union_accuracy
from analysis_by_synthesis.params.report import AllRows, FlagSettings, ReportSettings
from analysis_by_synthesis.reporting.control import disagreements_as_markdown
from analysis_by_synthesis.reporting.table1 import table_as_markdown, write_metrics

FLAGS = FlagSettings(factor=1.05, share=0.05)
TOGETHER = AllRows(paper=["fgm", "deepfool_l2"], estimated=["fgm_ge"], ours=["ddn", "fgsm"])
THRESHOLDS = {"l2": 1.5, "linf": 0.3, "l0": 12.0}
SETTINGS = ReportSettings(
    thresholds=THRESHOLDS, disagreement=1.5, disproved=0.001, flags=FLAGS, all=TOGETHER, min_images=1
)
INF = float("inf")
ATTACKS = {  # label: block and module
    "FGM": ("fgm", "fast_gradient"), "FGM w/ GE": ("fgm_ge", "fast_gradient"), "DeepFool": ("deepfool_l2", "deepfool"),
    "DeepFool w/ GE": ("deepfool_l2_ge", "deepfool"), "DDN": ("ddn", "ddn"), "FGSM": ("fgsm", "fast_gradient"),
    "Gaussian Noise": ("gaussian_noise", "gaussian_noise"), "Boundary Attack": ("boundary", "boundary"),
    "Carlini & Wagner": ("carlini_wagner", "carlini_wagner"), "AutoAttack": ("auto_attack_l2", "auto_attack"),
    "Latent Descent Attack": ("latent_descent", "latent_descent"),
}  # fmt: skip


def cell(norm, label, *distances, images=None, rejected=(), zero_gradients=0):
    """Of samples that are all classified correctly, of test images 0, 1, 2 ... if no others are named."""
    images = range(len(distances)) if images is None else images
    table = pd.DataFrame({norm: distances}, dtype=float, index=pd.Index(images, name="image"))
    table = table.assign(
        clean_correct=True, success=np.isfinite(table[norm]), rejected=False, zero_gradients=zero_gradients
    )
    table.loc[list(rejected), "rejected"] = True
    attack, module = ATTACKS[label]
    return Cell(attack, module, Path(attack), table)


def found(*entries):
    """Cells by their row, from (norm, label, model, distances) and options."""
    return {Row(*entry[:3]): cell(*entry[:2], *entry[3], **(entry[4] if len(entry) > 4 else {})) for entry in entries}


PAPER = pd.read_csv(PROJECT.paper / "table1.csv")


@pytest.fixture
def table():
    entries = found(
        ("l2", "FGM", "cnn", (0, 1, 2, INF), {"rejected": [3]}),
        ("l2", "DeepFool", "cnn", (0, 2, 1)),
        ("l2", "DDN", "cnn", (0, 0.5, 2, 2)),
        ("linf", "FGSM", "abs", (0.1, 0.2, 0.4, 0.6)),
    )
    clean = {"cnn": pd.DataFrame({"label": [1, 2], "predicted": [1, 3]})}
    return table1(entries, clean, SETTINGS, PAPER)


def test_distances_of_known_images():
    x, y = torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 28, 28)
    y[0, 0, 0, :2] = torch.tensor([0.3, -0.4])
    y[0, 0, 1, 0] = 1e-7
    assert distance(x, y, "l2").item() == pytest.approx(0.5)
    assert distance(x, y, "linf").item() == pytest.approx(0.4)
    assert distance(x, y, "l0").item() == 2


def test_median_and_accuracy():
    row = summarise(np.array([0.0, 1.0, 2.0, INF]), 1.5)
    assert (row["n"], row["median"], row["accuracy"]) == (4, 1.5, 0.5)
    assert summarise(np.array([0.0, INF, INF]), 1.5)["median"] == INF


def test_the_median_s_interval_lies_between_order_statistics():
    """Of 10 values the second and the ninth (97.9 %), of 100 the 40th and the 61st: binomial tables."""
    assert median(np.arange(1.0, 11)) == (5.5, 2, 9)
    assert median(np.arange(1.0, 101)) == (50.5, 40, 61)
    assert median(np.arange(1.0, 7)) == (3.5, 1, 6)
    assert median(np.arange(1.0, 6)) == (3, 0, INF)  # five values can't bound a median with 95 %
    assert median(np.array([1.0] * 8 + [INF] * 2))[1:] == (1, INF)


def test_the_share_s_interval_is_wilson_s():
    """81 of 263, an example of Newcombe (1998); and no share is certain."""
    assert share(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=1e-4)
    assert share(100, 100)[:2] == (1, pytest.approx(0.9630, abs=1e-4))
    assert share(0, 10)[1:] == (pytest.approx(0, abs=1e-9), pytest.approx(0.2775, abs=1e-4))
    assert np.isnan(share(0, 0).value) and share(0, 0)[1:] == (0, 1)


def test_the_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(0)
    samples = [generator.random(60) for _ in range(500)]
    for hits in (
        [estimate.low <= 0.5 <= estimate.high for estimate in map(median, samples)],
        [estimate.low <= 0.3 <= estimate.high for estimate in (share((sample < 0.3).sum(), 60) for sample in samples)],
    ):
        assert 0.92 <= np.mean(hits) <= 0.99


def test_an_interval_does_not_depend_on_other_rows(table):
    alone = table1(found(("l2", "FGM", "cnn", (0, 1, 2, INF))), {}, SETTINGS, PAPER)
    columns = ["median", "median_low", "median_high", "accuracy", "accuracy_low", "accuracy_high"]
    assert alone.set_index("attack").loc["FGM", columns].equals(table.set_index("attack").loc["FGM", columns])


def test_all_rows_are_made_on_the_images_that_every_one_of_their_attacks_was_given():
    entries = found(
        ("l2", "FGM", "abs", (3, 1, 2), {"images": [7, 3, 5]}),
        ("l2", "DeepFool", "abs", (2, 2, 9), {"images": [5, 7, 11]}),
        ("l2", "DDN", "abs", (0.1,), {"images": [99]}),
        ("l2", "FGM", "cnn", (5,)),
    )
    together = all_attacks(entries, ["fgm", "deepfool_l2"], "All {} Attacks", 1)
    distances, attacks = together["l2", "All L2 Attacks", "abs"]
    assert distances.to_dict() == {7: 2, 5: 2} and attacks == ["FGM", "DeepFool"]
    assert together["l2", "All L2 Attacks", "cnn"].distances.tolist() == [5]
    assert ("l2", "All L2 Attacks", "abs") not in all_attacks(entries, ["fgm", "deepfool_l2"], "All {} Attacks", 3)
    assert all_attacks(entries, ["fgm", "ddn"], "All", 1).keys() == {("l2", "All", "cnn")}  # no image in common
    assert smallest_distances(entries, "l2", "abs").to_dict() == {3: 1, 5: 2, 7: 2, 11: 9, 99: 0.1}


def test_an_attack_at_one_budget_has_an_accuracy_and_no_median():
    row = table1(found(("l2", "AutoAttack", "cnn", (0, 1, 1.4, INF))), {}, SETTINGS, PAPER).iloc[0]
    assert row["accuracy"] == 0.25 and row[["median", "median_low", "median_high"]].isna().all()


def test_the_table_stands_beside_the_papers(table):
    assert table["attack"].tolist() == [
        "Clean", "FGM", "DeepFool", "DDN", "All L2 Attacks", "All L2 Attacks, with estimated gradients",
        "All L2 Attacks, ours too", "FGSM", "All Linf Attacks, ours too",
    ]  # fmt: skip
    rows = table.set_index("attack")
    assert rows.loc["Clean", "accuracy"] == 0.5 and np.isnan(rows.loc["Clean", "median"])
    assert rows.loc["Clean", "paper_accuracy"] == 0.991
    assert rows.loc["FGM", ["median", "paper_median", "paper_accuracy"]].tolist() == [1.5, 1.4, 0.48]
    assert rows.loc["FGM", "rejected"] == 1
    assert rows.loc["All L2 Attacks", ["n", "median", "attacks"]].tolist() == [3, 1.0, "FGM; DeepFool"]
    assert rows.loc["All L2 Attacks, ours too", ["n", "median"]].tolist() == [3, 0.5]
    assert np.isnan(rows.loc["FGSM", "paper_median"])  # the paper has no FGSM for ABS
    assert "| L2: FGM | 1.5 / 50% (1.4 / 48%), n=4 |" in table_as_markdown(table, "test")


def test_metrics_are_numbers(table, tmp_path):
    cells = found(*(("l2", attack, "cnn", ()) for attack in ("FGM", "DeepFool", "DDN")), ("linf", "FGSM", "abs", ()))
    bounds = {"abs": {norm: {"median_lower": 0.4, "certified_accuracy": 0.1} for norm in NORMS}}
    write_metrics(table, cells, bounds, tmp_path)
    medians = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "median/l2").iterdir()}
    assert medians == {
        "fgm": {"cnn": 1.5}, "deepfool_l2": {"cnn": 1.0}, "ddn": {"cnn": 1.25}, "all": {"cnn": 1.0},
        "all_estimated": {"cnn": 1.0}, "all_ours": {"cnn": 0.5}, "lower_bound": {"abs": 0.4},
    }  # fmt: skip
    assert json.loads((tmp_path / "accuracy/l0/lower_bound.json").read_text()) == {"abs": 0.1}


def distances(**by_norm):
    """Of images 0, 1, 2 ... of one model by a single attack."""
    return {(norm, "abs"): pd.DataFrame({"FGM": values}) for norm, values in by_norm.items()}


def test_an_image_has_to_withstand_all_three_norms():
    tables = distances(l2=[2, 2, 1, 2, 0], linf=[0.4, 0.2, 0.4, INF, 0], l0=[13, 13, 13, 13, 0])
    (row,) = union_accuracy({"FGM": tables}, THRESHOLDS, 1).to_dict("records")
    assert (row["by"], row["model"], row["n"], row["accuracy"]) == ("FGM", "abs", 5, 0.4)
    assert (row["accuracy_l2"], row["accuracy_linf"], row["accuracy_l0"]) == (0.6, 0.6, 0.8)
    assert (row["accuracy_low"], row["accuracy_high"]) == share(2, 5)[1:]


def test_at_the_threshold_an_image_is_lost_and_the_closest_attack_counts():
    tables = distances(l2=[1.5, 2.0], linf=[1, 1], l0=[784, 784])
    assert union_accuracy({"": tables}, THRESHOLDS, 1)["accuracy"].tolist() == [0.5]
    tables["l2", "abs"]["FGM"] = [1.50002, 1.5003]  # what rounding to stored pixels adds doesn't save an image
    assert union_accuracy({"": tables}, THRESHOLDS, 1)["accuracy"].tolist() == [0.5]
    assert summarise(np.array([0.300008, 0.3001]), 0.3)["accuracy"] == 0.5
    tables["linf", "abs"]["FGSM"] = 0.1
    assert union_accuracy({"": tables}, THRESHOLDS, 1)["accuracy"].tolist() == [0]


def test_the_union_is_of_images_that_have_distances_in_every_norm():
    tables = distances(l2=[2, 2, 2], linf=[1, 1, 1], l0=[20, 20, 20])
    tables["l0", "abs"].index = [1, 2, 3]
    assert union_accuracy({"": tables}, THRESHOLDS, 2)["n"].tolist() == [2]
    assert union_accuracy({"": tables}, THRESHOLDS, 3).empty
    assert union_accuracy({"": distances(l2=[2], linf=[1])}, THRESHOLDS, 1).empty


def raised(*entries):
    table = flags(found(*entries), FLAGS)
    return [tuple(row) for row in table[["flag", "attack", "value", "compared_with"]].to_numpy()]


def test_a_sound_evaluation_raises_no_flag():
    assert raised(
        ("l2", "Gaussian Noise", "cnn", (5, 5, 5)),
        ("l2", "Boundary Attack", "cnn", (1.2, 1.2, 1.2)),
        ("l2", "DeepFool", "cnn", (1, 1, 1)),
        ("l2", "DeepFool w/ GE", "cnn", (1, 1)),
        ("l2", "FGM", "cnn", (2, 2, 2)),
        ("l2", "AutoAttack", "cnn", (INF, INF, INF)),
        ("l2", "Carlini & Wagner", "cnn", (1, 1, 1), {"zero_gradients": 7}),
        ("l2", "DDN", "cnn", (9, 9, 9), {"images": [70, 71, 72]}),
        ("l2", "DeepFool", "abs", (9, 9, 9)),
    ) == []  # fmt: skip


def test_flags_compare_attacks_on_the_samples_that_both_were_given():
    assert raised(
        ("l2", "Gaussian Noise", "cnn", (5, 5, 2)),
        ("l2", "Boundary Attack", "cnn", (1, 1, 1)),
        ("l2", "DeepFool", "cnn", (2, 2, 9)),
        ("l2", "FGM", "cnn", (6, 6, 6)),
        ("l2", "DeepFool w/ GE", "cnn", (1, 1)),
    ) == [
        ("black box beats white box", "Boundary Attack", 1, 2),
        ("weaker than noise", "FGM", 6, 5),
        ("estimated beats exact gradient", "DeepFool w/ GE", 1, 2),
    ]  # fmt: skip


def test_flags_of_a_single_attack():
    share = pytest.approx(1 / 3)
    doubtful = (1, INF, INF), {"rejected": [1], "zero_gradients": [0, 0, 1]}
    assert raised(("l2", "DeepFool", "cnn", *doubtful)) == [
        ("on the boundary", "DeepFool", share, 0.05),
        ("zero gradients", "DeepFool", share, 0.05),
        ("no success at any budget", "DeepFool", share, 0.05),
    ]
    assert raised(("l2", "DDN", "abs", *doubtful), ("l2", "Latent Descent Attack", "abs", (2, 2, 2)))[0] == (
        "not confirmed", "DDN", share, 0.05,
    )  # fmt: skip


def test_an_attack_that_finds_nothing_where_another_does_is_flagged():
    entries = [("l2", "FGM", "cnn", (2, INF, INF)), ("l2", "DDN", "cnn", (2, 2, INF))]
    assert ("finds nothing", "FGM", pytest.approx(1 / 3), 0.05) in raised(*entries)
    assert raised(entries[0]) == []  # nothing says that there is something to find


def test_the_accuracy_curve_falls_at_each_distance():
    curve = accuracy_curve(np.array([0.0, 1.0, INF]), np.array([0.0, 0.5, 1.0, 100.0]))
    assert curve == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])


def far(*entries, authors=(), **columns):
    """The disagreements of Table 1 made of these cells, each of which has the columns that an attack leaves."""
    cells = found(*entries)
    for cell in cells.values():
        for name, values in columns.items():
            cell.records[name] = values
    ours = table1(cells, {}, SETTINGS, PAPER)
    theirs = table1(found(*authors), {}, SETTINGS, PAPER) if authors else ours[:0]
    return disagreements(ours, theirs.assign(compared_with="cnn", label="network"), 1.5)


def test_medians_far_from_the_paper_s_are_listed():
    none = (INF,) * 9
    entries = [
        ("l2", "FGM", "cnn", (3.0,) * 9),  # the paper has 1.4
        ("l2", "FGM w/ GE", "madry", none),  # infinite there too
        ("l2", "DeepFool", "cnn", (1.3,) * 9),  # 1.2
        ("l2", "DDN", "cnn", (0.1,) * 9),  # not in the paper
        ("l2", "Gaussian Noise", "cnn", none),  # 5.2
    ]
    listed = far(*entries)
    assert sorted(zip(listed["attack"], listed["why"])) == [("FGM", OPEN), ("Gaussian Noise", OPEN)]
    assert f"* L2: FGM, CNN: 3 instead of 1.4: {OPEN}." in disagreements_as_markdown(listed, 1.5)


def test_a_median_far_from_the_paper_s_stands_with_the_experiments_on_its_cause():
    """The Boundary Attack on Binary CNN has 3.3 in the paper, FGM w/ GE 2.8 and FGM on the CNN 1.4."""
    (shrunk,) = far(("l2", "Boundary Attack", "binary_cnn", (1.5,) * 9), found=[3.3] * 9)["why"]
    assert shrunk.startswith("before adversarials are shrunk") and shrunk.endswith(
        "it is 3.3 (3.3 to 3.3), as in the paper"
    )
    assert far(("l2", "FGM", "cnn", (3.0,) * 9), found=[3.0001] * 9)["why"][0] == OPEN  # rounded to what is stored
    (steps,) = far(("l2", "FGM w/ GE", "binary_cnn", (1.0,) * 9), found=[1.0] * 9, first_step=[INF] * 9)["why"]
    assert steps == "with the first difference step alone it is ∞ (∞ to ∞), not the paper's either"
    theirs = [("l2", "FGM", "cnn", (1.4,) * 9)]
    trained, _ = far(("l2", "FGM", "cnn", (3.0,) * 9), authors=theirs)["why"]  # the other is that of all attacks
    assert trained == "on the authors' network it is 1.4 (1.4 to 1.4), as in the paper"
