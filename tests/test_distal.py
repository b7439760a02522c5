import math

import numpy as np
import pandas as pd
import pytest
import torch

from analysis_by_synthesis.calibration.softmax import posterior
from analysis_by_synthesis.distal import matrix, records
from analysis_by_synthesis.distal.ascent import Climber, evidence, noise
from analysis_by_synthesis.distal.summary import Neighbourhood, summarise
from analysis_by_synthesis.models.base import Classifier
from analysis_by_synthesis.params.distal import Ascent, DistalSettings
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.reporting.figure4 import draw

EXACT = Ascent(starts=3, steps=100, difference_step=None, normalise=True, momentum=0.0, step_size=0.5)
ESTIMATED = EXACT.model_copy(update={"difference_step": 0.05})
SETTINGS = DistalSettings(target=1, confidence=0.9, exact=EXACT, estimated=ESTIMATED, matrix=["noise", "digit"])
CENTRES = torch.tensor([0.0, 0.4, 1, 0, 1, 0, 1, 0, 1, 0])[:, None, None, None].expand(10, 1, 28, 28)
ALPHA, RADIUS = 0.5, 2.0
ETA = math.exp(-ALPHA * RADIUS**2) / 80  # where the other classes are far, p(1|x) = 0.9 at this distance from centre 1


class Centres(Classifier):
    """Logits -||x - centre_c||^2, as those of ABS with decoders that make a single image."""

    def forward(self, x):
        return -(x[:, None] - CENTRES.to(x.dtype)).square().flatten(2).sum(2)


def starts():
    return torch.full((3, 1, 28, 28), 0.5) + 0.6 * (noise(3, 0) - 0.5)


@pytest.mark.parametrize("eta", [0.0, 1e-12, 3.0])
def test_the_evidence_is_positive_where_equation_4_reaches_the_confidence(eta):
    logits = 30 * np.random.default_rng(0).normal(size=(2000, 10)).astype(np.float32)
    logits[:, 3] += 20
    reached = posterior(logits, 0.3, eta)[:, 3] >= 0.9
    assert 0.1 < reached.mean() < 0.9
    assert ((evidence(torch.from_numpy(logits), 3, 0.9, 0.3, eta) >= 0).numpy() == reached).all()


def test_the_evidence_has_a_gradient_where_the_posterior_is_flat():
    logits = torch.full((1, 10), -400.0).requires_grad_()
    assert posterior(logits.detach().numpy(), 1, 1e-5) == pytest.approx(0.1, abs=1e-15)
    (gradient,) = torch.autograd.grad(evidence(logits, 1, 0.9, 1, 1e-5).sum(), logits)
    assert gradient[0, 1] == 1


@pytest.mark.parametrize("ascent", [EXACT, ESTIMATED])
def test_an_ascent_goes_straight_to_where_the_confidence_is_reached(ascent):
    begin = starts()
    found = Climber(Centres(), ALPHA, ETA, SETTINGS).ascend(begin, ascent)
    way = (begin - CENTRES[1]).flatten(1).norm(dim=1) - RADIUS
    assert found["reached"].all()
    assert found["steps"].tolist() == (way / ascent.step_size).ceil().int().tolist()
    expected = torch.lerp(begin, CENTRES[1], (found["steps"] * ascent.step_size / (way + RADIUS))[:, None, None, None])
    assert (found["image"] - expected).abs().max() < 0.01
    p = posterior(Centres()(found["image"]).numpy(), ALPHA, ETA)[:, 1]
    assert found["probability"].numpy() == pytest.approx(p)


def test_an_ascent_that_has_no_gradient_or_too_few_steps_ends():
    class Flat(Classifier):
        def forward(self, x):
            return 0 * x.flatten(1)[:, :10]

    found = Climber(Flat(), 1, 1, SETTINGS).ascend(starts(), EXACT)
    assert found["steps"].tolist() == [0, 0, 0] and not found["reached"].any()
    assert found["probability"].numpy() == pytest.approx(0.1)
    short = EXACT.model_copy(update={"steps": 2})
    found = Climber(Centres(), ALPHA, ETA, SETTINGS).ascend(starts(), short)
    assert found["steps"].tolist() == [2, 2, 2] and not found["reached"].any()


def test_momentum_adds_up_as_in_sgd():
    class Linear(Classifier):
        def forward(self, x):
            brighter = x.flatten(1).sum(1, keepdim=True)
            return torch.cat([0 * brighter, 1e-3 * brighter, (0 * brighter).expand(-1, 8)], 1)

    sgd = Ascent(starts=1, steps=4, difference_step=None, normalise=False, momentum=0.5, step_size=100.0)
    begin = torch.zeros(1, 1, 28, 28)
    found = Climber(Linear(), 1, 1, SETTINGS).ascend(begin, sgd)
    moved = 0.1 * (1 + 1.5 + 1.75 + 1.875)
    assert found["steps"].tolist() == [4] and found["image"].numpy() == pytest.approx(moved, abs=0.5 / 255 + 1e-6)


def test_the_arbiter_has_the_last_word():
    class Overconfident(Centres):
        def arbitrate(self, x):
            return self(x) - 10

    found = Climber(Overconfident(), ALPHA, ETA, SETTINGS).ascend(starts(), EXACT)
    centre = Climber(Overconfident(), ALPHA, ETA, SETTINGS).probability(CENTRES[1:2])
    assert not found["reached"].any() and (found["probability"] <= 0.9).all() and centre < 0.9


def test_a_start_does_not_depend_on_the_others():
    assert torch.equal(noise(5, 7)[2:], noise(3, 9))


def test_records_come_back(tmp_path):
    images = records.onto_grey_levels(noise(2, 0))
    table = pd.DataFrame({"ascent": ["exact"] * 2, "start": [0, 1], "reached": [True, False]})
    records.write_distal(tmp_path / "abs", table, images)
    again, same = records.read_distal(tmp_path / "abs")
    assert again.equals(table) and torch.equal(same, images)
    with pytest.raises(UserError, match=r"cnn\.csv is not here"):
        records.read_distal(tmp_path / "cnn")


def test_ascents_to_every_class_begin_at_the_next_one_s_digit():
    images = torch.stack([torch.full((1, 28, 28), label / 10) for label in (3, 0, 1, 0)])
    starts = matrix.begin(("black", "inverted", "digit", "noise"), 9, images, torch.tensor([3, 0, 1, 0]), 7)
    assert [start.unique().tolist() for start in starts[:3]] == [[0], [1], [0]]
    assert torch.equal(starts[3:], noise(1, 16)) and not torch.equal(noise(1, 16), noise(1, 7))


def test_the_matrix_counts_what_is_certain_and_far_from_the_data():
    black, white = torch.zeros(1, 1, 28, 28), torch.ones(1, 1, 28, 28)
    test = black.clone()
    test[0, 0, 0, 0] = 1
    climbed = {
        "image": torch.cat([white, test]), "probability": torch.tensor([0.95, 0.5]), "reached": torch.tensor([True, False]),
        "steps": torch.tensor([4, 100]),
    }  # fmt: skip
    table = matrix.judged(3, ("noise", "digit"), climbed, Neighbourhood(black, test))
    assert table["distal"].tolist() == [True, False] and table["distance"].tolist() == pytest.approx([28, 1])
    both = pd.concat([table, table.assign(target=4, reached=[True, True], distal=False)])
    summary = matrix.summarise({"abs": both}).set_index("start")
    assert summary.loc["noise", ["n", "reached", "distal"]].tolist() == [2, 1, 0.5]
    assert summary.loc["digit", ["reached", "distal", "median_distance"]].tolist() == [0.5, 0, 1]


def test_the_summary_counts_what_is_certain_and_far_from_the_data(tmp_path):
    black, grey, white = (torch.full((1, 1, 28, 28), value) for value in (0.0, 0.4, 1.0))
    test = black.clone()
    test[0, 0, 0, 0] = 1
    data, binarised = Neighbourhood(black, test), Neighbourhood(black, test)
    assert data.radius == 1
    images = torch.cat([white, grey, test, white])
    table = pd.DataFrame({
        "ascent": ["exact"] * 4, "start": range(4), "reached": [True, True, True, False], "steps": [4, 5, 9, 50],
        "probability": [0.91, 0.92, 0.93, 0.2],
    })  # fmt: skip
    exact = summarise(table, images, data, binarised)["exact"]
    assert (exact["starts"], exact["reached"], exact["median_steps"]) == (4, 0.75, 5)
    assert (exact["distal"], exact["distal_binarised"]) == (0.5, 0.25)  # binarised, the grey image is black
    assert (exact["highest_probability"], exact["median_distance"]) == (0.93, pytest.approx(28 * 0.4, abs=1e-3))

    ascents = dict.fromkeys(MODEL_LABELS, (table.iloc[:2], images[:2]))
    draw(
        ascents,
        {model: {"exact": exact, "estimated": {"starts": 1}} for model in MODEL_LABELS},
        noise(4, 0),
        1,
        tmp_path / "figure4.png",
    )
    assert (tmp_path / "figure4.pdf").exists()
