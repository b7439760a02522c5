import numpy as np
import pandas as pd
import pytest
from project import PROJECT

from analysis_by_synthesis.calibration.reliability import calibration_error, reliability, summarise
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.reporting.reliability import draw

TABLE = pd.DataFrame({
    "label": [1, 2, 3, 4], "predicted": [1, 2, 3, 0], "before": [0.55, 0.57, 1.0, 0.98], "after": [0.5, 0.88, 0.92, 0.99],
})  # fmt: skip


def test_reliability_of_four_images():
    table = reliability(TABLE["before"].to_numpy(), np.array([True, True, True, False]))
    assert table["confidence"].tolist() == pytest.approx([0.56, 0.99])
    assert table["accuracy"].tolist() == [1, 0.5] and table["images"].tolist() == [2, 2]
    assert table["low"].tolist() == pytest.approx([0.3424, 0.0945], abs=1e-4)
    assert table["high"].tolist() == pytest.approx([1, 0.9055], abs=1e-4)
    assert calibration_error(table) == pytest.approx((0.44 + 0.49) / 2)


def test_a_perfectly_calibrated_model_lies_on_the_diagonal():
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.1, 1, 100000)
    table = reliability(confidence, generator.random(100000) < confidence)
    assert table["accuracy"].to_numpy() == pytest.approx(table["confidence"].to_numpy(), abs=0.02)
    assert calibration_error(table) < 0.01


def test_alpha_and_eta_stand_beside_the_papers(tmp_path):
    calibrations = {"abs": {"alpha": 0.5, "eta": 1e-5}, "binary_cnn": {"alpha": 2, "eta": 3}}
    summary = summarise(calibrations, dict.fromkeys(calibrations, TABLE), 0.9, PROJECT.paper)
    rows = summary.set_index("model")
    assert rows.loc["abs", ["alpha", "paper_eta", "accuracy"]].tolist() == [0.5, 3.9e-5, 0.75]
    assert rows.loc["abs", "paper_alpha"] == pytest.approx(440 / 784)  # the paper divides D by the number of pixels
    assert np.isnan(rows.loc["binary_cnn", "paper_eta"])
    with pytest.raises(UserError, match=r"median confidence of abs is 0\.9000 instead of 0\.8"):
        summarise(calibrations, dict.fromkeys(calibrations, TABLE), 0.8, PROJECT.paper)
    curves = {name: {"abs": reliability(TABLE[name].to_numpy(), np.ones(4, bool))} for name in ("before", "after")}
    draw(
        curves, summary, [1.0] * 10, pd.read_csv(PROJECT.paper / "class_scalars.csv"), tmp_path / "reliability.png"
    )  # four models have no records
    assert (tmp_path / "reliability.png").stat().st_size > 0
