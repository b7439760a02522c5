import numpy as np
import pandas as pd
import pytest
from project import PROJECT

from analysis_by_synthesis.evaluation.claims import Judged, accuracies, bootstrap, compared, judge, medians
from analysis_by_synthesis.evaluation.evidence import Evidence, intervals, read_evidence
from analysis_by_synthesis.evaluation.paper_claims import CLAIMS, OTHERS
from analysis_by_synthesis.evaluation.statistics import Estimate
from analysis_by_synthesis.params.attack_block import AttackBlock
from analysis_by_synthesis.params.cells import Cells
from analysis_by_synthesis.params.claims import ClaimSettings
from analysis_by_synthesis.params.reader import read
from analysis_by_synthesis.params.report import EVERYTHING, OF_THE_PAPER, ReportSettings

SETTINGS = ClaimSettings(
    resamples=200,
    seed=0,
    close_accuracy=0.98,
    majority=0.5,
    not_much_better=1.1,
    slightly_larger=0.35,
    adversarial_training=0.48,
)
N = 40


def evidence(**distances):
    """Of models with these L2 distances: constants, or one per image."""
    tables = {("l2", model): pd.DataFrame({"FGM": np.broadcast_to(value, N)}) for model, value in distances.items()}
    return Evidence(tables, {}, {}, {}, {}, pd.DataFrame(), {"l2": 1.5})


def judged(sentence, records, settings=SETTINGS):
    (claim,) = [claim for claim in CLAIMS if sentence in claim.claim]
    return claim.judge(records, settings)


def test_a_claim_holds_where_the_whole_interval_lies_above():
    assert Judged(Estimate(2, 1, 3), N, 0.5).verdict() == "holds"
    assert Judged(Estimate(2, 1, 3), N, 2.5).verdict() == "open"
    assert Judged(Estimate(0, 0, 0), N, 0).verdict() == "does not hold"
    assert Judged(None, 0).verdict() == "open"


def test_a_printed_number_holds_where_the_intervals_meet():
    assert Judged(Estimate(2, 1, 3), N, 3, 4).verdict() == "holds"
    assert Judged(Estimate(2, 1, 3), N, 3.1, 4).verdict() == "does not hold"


def test_images_are_resampled_and_models_stay_together():
    distances = np.random.default_rng(0).exponential(size=(N, 1))
    same = bootstrap(np.hstack([distances, distances]), lambda d: np.ptp(medians(d), axis=-1), SETTINGS)
    alone = bootstrap(distances, lambda d: medians(d)[..., 0], SETTINGS)
    assert same == (0, 0, 0)
    assert alone.low < alone.value == np.median(distances) < alone.high


def test_the_interval_of_a_mean_is_the_normal_one():
    values = np.random.default_rng(1).normal(size=(1000, 1))
    found = bootstrap(values, lambda v: v.mean((-2, -1)), SETTINGS.model_copy(update={"resamples": 4000}))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.high - found.value == pytest.approx(half, rel=0.1)
    assert found.value - found.low == pytest.approx(half, rel=0.1)


def test_the_least_of_the_better_is_compared_with_the_greatest_of_the_worse():
    records = evidence(abs=2.0, binary_abs=1.5, cnn=1.0, madry=1.2)
    found = compared(records, "l2", ("abs", "binary_abs"), ("cnn", "madry"), medians, SETTINGS)
    assert found.estimate == pytest.approx((0.3, 0.3, 0.3)) and found.n == N
    shares = compared(records, "l2", ("abs",), ("cnn",), accuracies(1.9), SETTINGS)
    assert shares.estimate == (1, 1, 1)


def test_only_images_that_all_models_were_given_count():
    records = evidence(abs=2.0, cnn=1.0)
    records.distances["l2", "cnn"] = records.distances["l2", "cnn"].iloc[30:]
    assert compared(records, "l2", ("abs",), ("cnn",), medians, SETTINGS).n == N - 30


def test_what_was_never_fooled_is_as_far_as_an_image_can_be():
    found = compared(evidence(abs=np.inf, cnn=1.0), "l2", ("abs",), ("cnn",), medians, SETTINGS)
    assert found.estimate == (27, 27, 27)
    assert compared(evidence(abs=np.inf, cnn=np.inf), "l2", ("abs",), ("cnn",), medians, SETTINGS).estimate == (0, 0, 0)


def test_without_records_a_claim_is_open():
    found = judged("outperforms all other models", evidence(abs=2.0))
    assert found.verdict() == "open" and found.n == 0
    table = judge(CLAIMS[:1], {"some": evidence(abs=2.0)}, SETTINGS)
    assert table[["verdict", "n"]].values.tolist() == [["open", 0]]


def test_the_largest_margin_is_judged():
    records = evidence(abs=2.0, binary_abs=1.0, **dict.fromkeys(OTHERS, 1.0))
    assert judged("outperforms all other models", records).verdict() == "holds"
    records = evidence(abs=2.0, binary_abs=1.0, **{**dict.fromkeys(OTHERS, 1.0), "madry": 2.5})
    assert judged("outperforms all other models", records).verdict() == "does not hold"


def test_an_attack_that_wins_everywhere_is_the_best():
    def tables(boundary):
        return pd.DataFrame({"FGM": np.full(N, 2.0), "Boundary Attack": boundary})

    best = evidence()._replace(distances={("l2", "cnn"): tables(1.0), ("l2", "abs"): tables(1.5)})
    mixed = evidence()._replace(distances={("l2", "cnn"): tables(1.0), ("l2", "abs"): tables(3.0)})
    assert judged("no single attack that works best on all models (L2)", best).verdict() == "does not hold"
    assert judged("no single attack that works best on all models (L2)", mixed).verdict() == "holds"
    assert judged("no single attack that works best on all models (Linf)", mixed).verdict() == "open"


def test_a_draw_is_no_win_and_no_loss():
    """Images that are wrong already or that nothing changes say nothing; nor does an attack that some models have not."""
    table = pd.DataFrame({"FGM": [0, np.inf, 1.0, 1.0], "DDN": [0, np.inf, 2.0, 2.0]})
    records = evidence()._replace(distances={("l2", "cnn"): table, ("l2", "abs"): table.assign(Guided=0.5)})
    found = judged("no single attack that works best on all models (L2)", records)
    assert found.n == 2 and found.estimate.value == 0


def test_madry_without_the_boundary_attack():
    table = pd.DataFrame({"FGM": np.full(N, 2.0), "Boundary Attack": np.full(N, 1.5)})
    found = judged("without the Boundary Attack", evidence()._replace(distances={("l2", "madry"): table}))
    assert found.estimate == (0.5, 0.5, 0.5)


def test_the_printed_intervals():
    found = intervals(pd.read_csv(PROJECT.paper / "bounds.csv"))
    assert found["abs", "l2"] == pytest.approx((0.685, 0.695))
    assert found["abs", "linf"] == pytest.approx((0.055, 0.065))


def test_the_verdicts_follow_from_the_records():
    report, attacks, cells, settings = read(
        {"report": ReportSettings, "attacks": dict[str, AttackBlock], "cells": Cells, "claims": ClaimSettings},
        PROJECT.params,
    )
    labels = {"the paper's attacks": OF_THE_PAPER, "ours too": EVERYTHING}
    again = judge(CLAIMS, read_evidence(PROJECT, report, attacks, cells, labels), settings)
    stored = pd.read_csv(PROJECT.metrics / "claims.csv")
    pd.testing.assert_frame_equal(again, stored, check_dtype=False, rtol=1e-5)
