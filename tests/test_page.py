"""What results.html says, before a browser shows it."""

import re

import numpy as np
import pandas as pd
import pytest
from project import PARAMS, PROJECT

from analysis_by_synthesis.evaluation.flags import MEANING
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.reporting.numbers import columns_of_words, distance, number, share
from analysis_by_synthesis.reporting.page import front, sections
from analysis_by_synthesis.reporting.page.entries import groups
from analysis_by_synthesis.reporting.page.explained import explained

INF = float("inf")
THRESHOLDS = {"l2": 1.5, "linf": 0.3, "l0": 12.0}
LARGEST = 5_000_000  # bytes


@pytest.mark.xdist_group("after the smoke run")
def test_the_page_needs_nothing_else_and_shows_every_entry(project):
    page = (project / "results.html").read_text()
    markup = re.sub(r"(?s)<(style|script).*?</\1>", "", page)
    assert not re.search(r'(src|href)="(?!data:|#)', markup) and "url(" not in page
    assert markup.count("data:image/png;base64,") == len(front.TITLES)
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r'"data:[^"]*"', "", markup))
    table = pd.read_csv(project / "metrics/table1.csv")
    assert markup.count("data-details=") == len(table)


def test_the_committed_page_is_small():
    assert PROJECT.page.stat().st_size < LARGEST


def test_people_read_labels():
    """No name of a model in params.yaml that differs from its label, and none of an attack."""
    text = re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", PROJECT.page.read_text())
    names = [name for name in [*PARAMS["attacks"], *MODEL_LABELS] if "_" in name]
    assert [name for name in names if re.search(rf"\b{name}\b", text)] == []


def test_numbers():
    values = (1.234567, 1000, 766772.3, INF, np.nan, None, 0.00251, 4e-12)
    assert [number(value) for value in values] == ["1.23", "1,000", "766,772", "∞", "–", "–", "0.00251", "4 · 10⁻¹²"]
    assert [distance(value, "l2") for value in (5, 0.1, 27.5, 100, INF, None)] == [
        "5.00",
        "0.100",
        "27.5",
        "100",
        "∞",
        "–",
    ]
    assert distance(11, "l0") == "11" and distance(16.5, "l0") == "16.5"
    assert share(0.98812, 1) == "98.8 %" and share(np.nan) == "–"


def test_words_and_numbers_are_told_apart():
    rows = [
        {"by": "ours too", "n": "50", "interval": "10 % to 31 %", "Paper": "1.1; 14.0%"},
        {"by": "–", "n": "–", "interval": "–", "Paper": "99.1%"},
    ]
    assert columns_of_words(rows) == {"by", "Paper"}


def row(**changes):
    numbers = {
        "median": 2.0,
        "median_low": 1.9,
        "median_high": 2.1,
        "accuracy": 0.5,
        "accuracy_low": 0.4,
        "accuracy_high": 0.6,
    }
    without = {"rejected": pd.NA, "attacks": np.nan, "paper_median": np.nan, "paper_accuracy": np.nan}
    without["median_verdict"] = np.nan
    return {"norm": "l2", "attack": "FGM", "model": "cnn", "n": 50} | numbers | without | changes


def entries(*rows):
    (group,) = groups(pd.DataFrame(rows), THRESHOLDS)
    return [entry for row in group["rows"] for entry in row["entries"] if entry]


def test_an_entry_is_compared_with_the_paper():
    verdicts = {"agrees": "close", "ours lower": "stronger", "ours higher": "weaker", np.nan: "alone"}
    rows = [row(attack=f"A{i}", median_verdict=verdict) for i, verdict in enumerate(verdicts)]
    assert [entry["verdict"] for entry in entries(*rows)] == list(verdicts.values())


def test_a_claim_reads_as_the_paper_has_it():
    table = pd.DataFrame([
        {"where": "Section 7", "claim": "A > B", "statistic": "A less B", "evidence": "ours too", "n": 50,
         "value": 0.5, "low": 0.25, "high": 0.75, "above": 0.0, "below": INF, "verdict": "holds"},
        {"where": "Section 7", "claim": "C", "statistic": "C", "evidence": "ours too", "n": 0,
         "value": np.nan, "low": np.nan, "high": np.nan, "above": 0.1, "below": 0.2, "verdict": "open"},
    ])  # fmt: skip
    one, other = sections.claims(table)["rows"]
    assert one["Value"] == "0.5 (0.25 to 0.75)" and one["Has to be"] == "above 0" and one["by"] == "ours too, n = 50"
    assert (
        other["Value"] == "–"
        and other["Has to be"] == "0.1 to 0.2"
        and other["by"] == "ours too: no such attack, or too few images"
    )


def test_claims_are_counted_by_the_paper_s_own_attacks():
    table = pd.read_csv(PROJECT.metrics / "claims.csv")
    counts = table[table["evidence"] != "ours too"]["verdict"].value_counts()
    assert f"holds: {counts['holds']};" in sections.claims(table)["text"]


def test_the_control_has_the_rows_of_the_authors_networks():
    (section,) = sections.control(PROJECT.metrics / "control.csv")
    assert section["rows"] and "no record" not in {row["Authors' weights"] for row in section["rows"]}
    assert "open: no record" not in section["text"]


def test_a_paper_bound_has_both_errors_and_the_paper_s_interval():
    row = {
        "model": "abs",
        "norm": "l2",
        "variant": "eq. 8, as printed",
        "statistic": "mean",
        "images": 200,
        "seeds": 10,
    }
    numbers = {
        "value": 0.469,
        "low": 0.44,
        "high": 0.5,
        "search_error": 0.0024,
        "paper_low": 0.685,
        "paper_high": 0.695,
    }
    section = sections.paper_bounds(pd.DataFrame([row | numbers | {"meets": False}]))
    assert list(section["rows"][0].values()) == [
        "ABS", "eq. 8, as printed (L₂)", "200, 10 seeds", "mean 0.469 (0.44 to 0.5)", "0.002", "0.685 to 0.695", "no",
    ]  # fmt: skip


def test_table_1_by_the_paper_s_search_has_both_judges_and_what_is_refused():
    numbers = {"arbiter_n": 24, "arbiter_median": 1.5, "protocol_median": 1.9, "paper_median": 2.3}
    shares = {"arbiter_accuracy": 0.5, "protocol_accuracy": 0.75, "paper_accuracy": 0.8}
    row = {"norm": "l2", "attack": "FGM", "model": "abs", **numbers, **shares, "refused": 1}
    section = sections.protocol(pd.DataFrame([row, row | {"attack": "ours", "paper_accuracy": np.nan}]))
    (shown,) = section["rows"]
    assert list(shown.values()) == ["ABS", "FGM (L₂)", "24", "1.50", "1.90", "2.30", "50 %", "75 %", "80 %", "1"]


def test_an_attack_on_a_search_is_counted_against_the_bound():
    counts = {
        "search": "protocol",
        "images": 12,
        "n": 10,
        "below": 2,
        "below_by_arbiter": 0,
        "share_low": 0.05,
        "share_high": 0.51,
    }
    ratios = {"median_start_ratio": 1.01, "median_ratio": 1.004, "least_ratio": 0.998}
    (row,) = sections.search_attack(pd.DataFrame([counts | ratios]))["rows"]
    assert list(row.values()) == ["protocol", "10 of 12", "2 (5 % to 51 %)", "0", "1.01", "1.004", "0.998"]


def test_the_union_names_its_thresholds_and_each_norm():
    row = {"by": "ours too", "model": "madry", "n": 50, "accuracy": 0.04, "accuracy_low": 0.011, "accuracy_high": 0.135}
    alone = {"accuracy_l2": 0.48, "accuracy_linf": 0.94, "accuracy_l0": 0.04}
    section = sections.union(pd.DataFrame([row | alone]), THRESHOLDS)
    assert "L₂ 1.5, L∞ 0.3, L₀ 12" in section["text"]
    assert list(section["rows"][0].values()) == [
        "Madry et al.",
        "ours too",
        "50",
        "4 %",
        "1 % to 14 %",
        "48 %",
        "94 %",
        "4 %",
    ]


def test_l1_says_where_there_are_no_bounds():
    cnn = {"model": "cnn", "n": 60, "median": 8.25, "median_low": 7.5, "median_high": 9.0}
    bounded = {"bounds": 60, "median_lower": 8.0, "median_ratio": 1.0312, "checked": 50.0, "disproved": 1.0}
    rows = sections.l1(pd.DataFrame([cnn, cnn | {"model": "abs"} | bounded]))["rows"]
    assert list(rows[0].values())[3:] == ["7.5 to 9", "–", "–", "–"]
    assert list(rows[1].values()) == ["ABS", "60, 60 with bounds", "8.25", "7.5 to 9", "8", "1.031", "1 of 50"]


def test_costs_are_those_of_the_run_cards_together():
    """Per stage; attacks and bounds for each model; the GPU's apart."""
    seconds = {
        "training/cnn": 1800,
        "training/vae_0": 5400,
        "attacks/abs-bim": 60,
        "bounds/abs-l2": 36,
        "bounds/abs-searches": 180,
    }
    runs = pd.DataFrame({"result": [*seconds, "attacks/abs-ddn"], "seconds": [*seconds.values(), 30], "device": "cpu"})
    runs.loc[len(runs) - 1, "device"] = "NVIDIA H200"
    section = sections.costs(runs)
    assert section["text"].startswith("6 results took 2.1 hours")
    assert [list(row.values()) for row in section["rows"]] == [
        ["training", "2", "2", "cpu"],
        ["check of the bounds", "1", "0.05", "cpu"],
        ["attacks on ABS", "1", "0.0167", "cpu"],
        ["bounds of ABS", "1", "0.01", "cpu"],
        ["attacks on ABS", "1", "0.00833", "NVIDIA H200"],
    ]


def test_details_say_n_intervals_and_what_is_not_counted():
    plain, together = entries(
        row(median=INF, median_high=INF, paper_median=1.1, paper_accuracy=0.14, rejected=2),
        row(attack="All L2 Attacks", attacks="FGM; DDN", rejected=0),
    )
    assert plain["details"].splitlines() == [
        "FGM, CNN",
        "n = 50 test images",
        "median ∞, 95 % interval 1.90 to ∞",
        "accuracy at L₂ 1.5: 50 %, 95 % interval 40 % to 60 %",
        "paper: median 1.1, accuracy 14 %",
        "not confirmed by the arbiter, so not counted: adversarials of 2 images",
    ]
    assert together["details"].endswith("the closest of FGM, DDN") and "not counted" not in together["details"]


def test_the_headline_is_what_is_known_of_the_median_image():
    own = {
        "l2": {"n": 200, "median_lower": 2.0433, "median_upper": 2.0467},
        "l0": {"n": 200, "median_lower": 11.0, "median_upper": 11.0},
    }
    text = front.headline({"abs": own, "binary_abs": {}})
    assert text.startswith(
        "Half of 200 test images keep their class for ABS under every change smaller than 2.04 in L₂ or 11 pixels,"
    )
    (first, second) = front.cards(
        {"abs": own}, pd.DataFrame([row(model="abs", attack="All L2 Attacks", paper_median=2.3)])
    )
    assert (first["bracket"], first["paper"], second["bracket"]) == ("2.04 – 2.05", "attacks 2.3", "11")
    del own["l2"]["median_upper"]  # most images have no adversarial
    assert "within ∞ in L₂ or 11 pixels." in front.headline({"abs": own})
    assert "no bounds" in front.headline({"abs": {}})


def test_bounds_stand_with_their_intervals():
    own = {
        f"median_{which}{end}": 2.0 + end.count("h") for which in ("lower", "upper") for end in ("", "_low", "_high")
    }
    own |= {f"{which}_accuracy{end}": 0.75 for which in ("certified", "attacked") for end in ("", "_low", "_high")}
    own |= {"n": 50, "violations": 0, "check": {"disproved": 1, "n": 40}}
    del own["median_upper_high"]  # infinite
    (row,) = front.bound_rows({"abs": {"l2": own}})
    assert [row["cells"][name] for name in ("median lower", "median upper", "certified accuracy")] == [
        "2.00 (2.00 to 4.00)", "2.00 (2.00 to ∞)", "75 % (75 % to 75 %)",
    ]  # fmt: skip


def test_flags_are_grouped_and_shares_are_shares():
    columns = ["flag", "norm", "attack", "model", "value", "compared_with", "meaning"]
    rows = [
        ("zero gradients", "linf", "FGSM", "binary_cnn", 0.95, 0.05, "a"),
        ("weaker than noise", "l2", "FGM", "madry", INF, 6.758, "b"),
        ("zero gradients", "l2", "FGM", "binary_abs", 1.0, 0.05, "a"),
        ("finds nothing", "l2", "FGM", "madry", 0.885, 0.05, "c"),
    ]
    zero, weaker, nothing = front.flags(pd.DataFrame(rows, columns=columns))
    assert zero["entries"][0] == "FGSM (L∞), Binary CNN: 95 % of the samples, more than 5 %"
    assert len(zero["entries"]) == 2
    assert weaker["entries"] == ["FGM (L₂), Madry et al.: ∞, compared with 6.76"]
    assert nothing["entries"] == ["FGM (L₂), Madry et al.: 88 % of the samples, more than 5 %"]
    assert set(front.OF_MEDIANS) < set(MEANING)


def test_images_come_by_distance_and_keep_their_row_of_the_tiles(tmp_path):
    (tmp_path / "abs").mkdir()
    table = pd.DataFrame(
        {"image": [7, 8, 9], "lower": [2.0, 1.0, 3.0], "upper": [INF, 1.5, 3.5], "attack": ["", "FGM", "DDN"]}
    )
    table.to_csv(tmp_path / "abs/l2.csv", index=False)
    (tmp_path / "abs/l2.png").write_bytes(b"tiles")
    found = explained(tmp_path, THRESHOLDS)
    images = found["models"]["abs"]["norms"]["l2"]["images"]
    assert found["count"] == 3 and list(found["models"]) == ["abs"]
    assert [(each["image"], each["row"], each["upper"], each["attack"]) for each in images] == [
        (8, 1, 1.5, "FGM"), (9, 2, 3.5, "DDN"), (7, 0, None, ""),
    ]  # fmt: skip
