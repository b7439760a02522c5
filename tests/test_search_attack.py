import pandas as pd
import pytest
import torch
from project import PROJECT
from toy_models import TenPlanes

from analysis_by_synthesis.bounds.search_attack import attack_search
from analysis_by_synthesis.bounds.summary import summarise_attacks
from analysis_by_synthesis.params.attacks.boundary import Settings

WALK = Settings(
    norm="l2",
    restarts=1,
    steps=400,
    spherical_step=0.01,
    source_step=0.01,
    source_step_convergance=1e-7,
    step_adaptation=1.5,
    update_stats_every_k=10,
    bisections=1,
)


class Misled(TenPlanes):
    """A search that sees the boundary too close, while the arbiter sees it where it is."""

    image_shape, classes = (1, 28, 28), 10

    def arbitrate(self, x):
        return TenPlanes.forward(self, x)

    def forward(self, x):
        logits = super().forward(x)
        return logits + torch.nn.functional.one_hot(torch.tensor(1), 10) * 2


def test_a_search_that_errs_is_fooled_below_the_bound_and_the_arbiter_is_not():
    torch.manual_seed(0)
    model, images = Misled(), torch.zeros(2, 1, 28, 28) + 0.5
    labels = torch.zeros(2, dtype=torch.long)
    assert (model.arbitrate(images).argmax(1) == 0).all() and (model(images).argmax(1) == 0).all()
    bound = model.optimum(images, "l2")
    starts = (images + 1.3 * bound[:, None, None, None] * (model.w / model.w.norm()).view(1, 28, 28)).clamp(0, 1)
    found = {
        search: attack_search(model, search, images, labels, starts, WALK, 16) for search in ("default", "arbitrate")
    }
    assert (found["default"]["l2"] < bound).all()
    assert (found["default"]["predicted"] == 1).all() and (found["default"]["arbiter"] == 0).all()
    assert (found["arbitrate"]["l2"] >= bound * (1 - 1e-5)).all()


def test_where_there_is_nothing_to_walk_from_nothing_is_found():
    model, images = Misled(), torch.zeros(2, 1, 28, 28) + 0.5
    starts = images.clone()
    starts[1] = (images[1] + 1.3 * model.optimum(images, "l2")[1] * (model.w / model.w.norm()).view(28, 28)).clamp(0, 1)
    found = attack_search(model, "default", images, torch.zeros(2, dtype=torch.long), starts, WALK, 16)
    assert (
        found["begun"].tolist() == [False, True]
        and found["l2"][0].isinf()
        and found["adversarial"][0].equal(images[0])
        and found["l2"][1].isfinite()
    )


def test_images_below_their_bound_are_counted_and_the_arbiter_s_apart():
    columns = {
        "label": 0, "begun": [True, True, True, False], "start": 2.0, "l2": [0.9, 0.8, 1.2, float("inf")],
        "predicted": [1, 1, 1, 0], "arbiter": [0, 1, 1, 0],
    }  # fmt: skip
    lower = pd.Series([2.0, 1.0, 1.0, 1.0, 9.0], index=[6, 5, 4, 3, 2])
    table = pd.DataFrame(columns, index=[3, 4, 5, 6])
    (row,) = summarise_attacks({"protocol": table}, lower).to_dict("records")
    assert (row["images"], row["n"], row["below"], row["below_by_arbiter"], row["share"]) == (
        4,
        3,
        2,
        1,
        pytest.approx(2 / 3),
    )
    assert row["least_ratio"] == pytest.approx(0.8) and row["median_ratio"] == pytest.approx(0.9)


def test_the_docs_say_that_no_image_below_a_bound_was_found():
    table = pd.read_csv(PROJECT.metrics / "search_attack.csv")
    assert set(table["search"]) == {"default", "protocol"} and (table["below"] == 0).all()
