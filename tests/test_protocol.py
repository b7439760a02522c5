import numpy as np
import pandas as pd
import pytest
import torch
from project import PROJECT

from analysis_by_synthesis.distances import distance
from analysis_by_synthesis.evaluation.protocol import lengthened, lengths
from analysis_by_synthesis.evaluation.protocol_table import table_of_both
from analysis_by_synthesis.evaluation.results import Cell, Row
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.protocol_verdict import ProtocolVerdict
from analysis_by_synthesis.params.report import AllRows, FlagSettings, ReportSettings

SETTINGS = ProtocolVerdict(images=2, clean_images=2, factors=(1.1, 2.0, 4.0), bisections=12)
REPORT = ReportSettings(
    thresholds={"l2": 1.5, "linf": 0.3, "l0": 12.0}, disagreement=1.5, disproved=0.001,
    flags=FlagSettings(factor=1.05, share=0.05), all=AllRows(paper=["near", "far"], estimated=[], ours=[]), min_images=1,
)  # fmt: skip


class Later(Classifier):
    """Class 1 where the first pixel is above 0.1; the protocol sees it only above `seen`."""

    image_shape, classes = (1, 28, 28), 2

    def __init__(self, seen, binary=False):
        super().__init__()
        self.seen, self.binary = seen, binary

    def forward(self, x):
        return self.above(x, 0.1)

    def protocol(self, x):
        return self.above(x, self.seen)

    def above(self, x, limit):
        excess = x[:, 0, 0, 0] - limit
        return torch.stack([-excess, excess], 1)


def pair():
    """A black image, twice, and adversarials of lengths 0.2 and 0.5 in its first pixel."""
    images = torch.zeros(2, 1, 28, 28)
    adversarials = images.clone()
    adversarials[:, 0, 0, 0] = torch.tensor([0.2, 0.5])
    return images, adversarials, torch.zeros(2, dtype=torch.long)


def test_an_adversarial_is_as_long_as_the_protocol_asks():
    images, adversarials, labels = pair()
    factors = lengths(Later(0.4), images, adversarials, labels, SETTINGS)
    away = distance(images, lengthened(images, adversarials, factors), "l2")
    assert away.tolist() == pytest.approx([0.4, 0.5], rel=1e-3)
    assert factors[1] == 1
    assert (Later(0.4).protocol(lengthened(images, adversarials, factors)).argmax(1) == 1).all()


def test_it_is_lengthened_up_to_the_pixel_box_and_no_farther():
    images, adversarials, labels = pair()
    assert lengths(Later(0.99), images, adversarials, labels, SETTINGS).isfinite().all()
    never = lengths(Later(1.0), images, adversarials, labels, SETTINGS)
    assert never.isinf().all()
    assert lengthened(images, adversarials, never).equal(images)


def test_what_binarises_is_asked_about_the_adversarial_alone():
    images, adversarials, labels = pair()
    assert lengths(Later(0.4, binary=True), images, adversarials, labels, SETTINGS).tolist() == [np.inf, 1]


def cell(attack, l2, correct):
    columns = {"label": 0, "clean_correct": correct, "rejected": False, "l2": l2}
    return Cell(
        attack, "fast_gradient", PROJECT.attacks / attack, pd.DataFrame(columns, pd.Index(range(4), name="image"))
    )


def test_both_judges_look_at_the_same_images():
    """Image 2 is wrong by the protocol alone, image 3 by the arbiter alone."""
    cells = {
        Row("l2", label, "abs"): cell(label, l2, [True, True, True, False])
        for label, l2 in {"near": [1.0, 2.0, 3.0, 0.0], "far": [4.0, 1.0, 5.0, 0.0]}.items()
    }
    distances = {"near": [2.0, np.inf, 3.0, np.inf], "far": [4.0, 1.6, 5.0, np.inf]}
    records = pd.concat(
        pd.DataFrame({"attack": attack, "norm": "l2", "image": range(4), "distance": values})
        for attack, values in distances.items()
    )
    clean = pd.DataFrame(
        {"label": 0, "arbiter": [0, 0, 0, 1], "protocol": [0, 0, 1, 0]}, pd.Index(range(4), name="image")
    )
    paper = pd.DataFrame(columns=["norm", "attack", "model", "median_distance", "accuracy_at_threshold"]).astype(
        {"median_distance": float, "accuracy_at_threshold": float}
    )
    table = table_of_both(cells, {"abs": records}, {"abs": clean}, REPORT, paper).set_index("attack")
    assert (table["arbiter_n"].drop("Clean") == 3).all() and (table["protocol_n"].drop("Clean") == 3).all()
    assert table.loc["near", ["arbiter_median", "protocol_median"]].tolist() == [2, 2]
    assert table.loc["All L2 Attacks", ["arbiter_median", "protocol_median"]].tolist() == [1, 1.6]
    assert table.loc["Clean", ["arbiter_accuracy", "protocol_accuracy"]].tolist() == [0.75, 0.75]
    assert not {"protocol_as_found", "arbiter_first_step_verdict"} & set(table)
    assert table["refused"].dropna().to_dict() == {"near": 1, "far": 0}
    unknown = table_of_both(cells, {"abs": records}, {"abs": clean.assign(arbiter=np.nan)}, REPORT, paper)
    assert "Clean" not in set(unknown["attack"]) and (unknown["protocol_n"] == 3).all()


def test_what_the_docs_say_of_the_paper_s_search():
    table = pd.read_csv(PROJECT.metrics / "protocol.csv").set_index(["model", "attack"])
    for attack in ("All L2 Attacks", "All Linf Attacks"):
        row = table.loc["abs", attack]
        assert row["arbiter_median"] <= row["protocol_median"] < 1.01 * row["arbiter_median"]
    for model in ("abs", "binary_abs"):
        row = table.loc[model, "Clean"]
        assert abs(row["arbiter_accuracy"] - row["protocol_accuracy"]) < 0.01
    rise = table["protocol_median"] / table["arbiter_median"]
    assert 1.01 < rise["abs", "All L0 Attacks"] < rise["binary_abs", "All L0 Attacks"]
