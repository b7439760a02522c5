"""The exact robustness of Nearest Neighbor, against closed forms, a solver of another kind, and random directions."""

import numpy as np
import pandas as pd
import pytest
from project import PROJECT
from scipy.optimize import minimize

from analysis_by_synthesis.bounds.nearest_neighbor import least_distance, nearest_of_another_class
from analysis_by_synthesis.bounds.summary import summarise_exact
from analysis_by_synthesis.data.mnist import load
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.tables import read_records


def test_between_two_references_the_boundary_is_the_plane_halfway():
    x, own, other = np.array([0.3, 0.5]), np.array([[0.2, 0.5]]), np.array([[0.8, 0.5]])
    found = nearest_of_another_class(x, own, other)
    assert found.distance == pytest.approx(0.2) and found.image == pytest.approx([0.5, 0.5])


def test_an_image_that_is_nearest_to_another_class_needs_no_perturbation():
    x = np.array([0.9, 0.5])
    assert nearest_of_another_class(x, np.array([[0.2, 0.5]]), np.array([[0.8, 0.5]])).distance == 0


def test_pixels_stay_in_their_range():
    """The plane x + y = 0.2 is nearest at (-0.3, 0.5), which is no image; of the box, (0, 0.2) is."""
    x, own, other = np.array([0.05, 0.85]), np.array([[0.5, 0.6]]), np.array([[-0.4, -0.3]])
    found = nearest_of_another_class(x, own, other)
    assert found.image == pytest.approx([0, 0.2], abs=1e-6)
    assert found.distance == pytest.approx(np.hypot(0.05, 0.65))


def projected(x, r, own):
    """The distance from x to the images in [0, 1] that are as near to r as to any of its own class, by SLSQP."""
    condition = {"type": "ineq", "fun": lambda z: ((z - own) ** 2).sum(1) - ((z - r) ** 2).sum()}
    options = {"ftol": 1e-12, "maxiter": 500}
    best = minimize(lambda z: ((z - x) ** 2).sum(), r, bounds=[(0, 1)] * len(x), constraints=condition, options=options)
    return np.sqrt(best.fun)


def test_random_problems_have_the_solution_of_another_solver_and_no_direction_gets_there_sooner():
    random = np.random.default_rng(0)
    own, others = random.random((30, 6)), random.random((50, 6))
    for x in (own[:5] + 0.1 * random.random((5, 6))).clip(0, 1):
        found = nearest_of_another_class(x, own, others)
        solved = [projected(x, r, own) for r in others]
        assert found.distance == pytest.approx(min(solved), abs=1e-5)
        directions = random.standard_normal((2000, 6))
        shorter = x + 0.999 * found.distance * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        inside = shorter[((shorter >= 0) & (shorter <= 1)).all(1)]
        to_own, to_others = (((inside[:, None] - part) ** 2).sum(2).min(1) for part in (own, others))
        assert (to_own < to_others).all()


@pytest.mark.parametrize("seed", [22, 275, 1700, *range(20)])
def test_no_single_reference_is_nearer_than_what_all_together_give(seed):
    """The first three seeds: the first solution that breaks no condition is not the shortest."""
    random = np.random.default_rng(seed)
    own, others = random.random((30, 6)), random.random((50, 6))
    x = (own[0] + 0.1 * random.random(6)).clip(0, 1)
    each = [nearest_of_another_class(x, own, others[[r]]).distance for r in range(len(others))]
    assert nearest_of_another_class(x, own, others).distance == pytest.approx(min(each), rel=1e-9)


def test_least_distance_meets_its_conditions_with_equality_where_they_count():
    g, h = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([2.0, -1.0, -5.0])
    assert least_distance(g, h) == pytest.approx([2.0, 0.0])


def test_summary_has_what_is_exact_and_refuses_an_adversarial_that_is_closer():
    exact = pd.DataFrame({"label": 0, "lower": [1.0, 2.0, 3.0, 4.0]}, index=[5, 6, 7, 8])
    found = summarise_exact(exact, pd.Series({5: 1.1, 7: 3.9, 9: 0.1}), threshold=1.5)
    assert (found["n"], found["attacked_n"]) == (4, 2)
    assert (found["median"], found["accuracy"], found["median_ratio"]) == pytest.approx((2.5, 0.75, 1.2))
    with pytest.raises(UserError, match=r"\[6\]"):
        summarise_exact(exact, pd.Series({6: 1.9}), threshold=1.5)


def test_no_committed_adversarial_is_closer_than_the_exact_distance():
    images, labels = load("test", PROJECT.mnist)
    references, classes = (
        part.flatten(1).double().numpy() if part.ndim > 1 else part.numpy() for part in load("train", PROJECT.mnist)
    )
    records = [read_records(path)["l2"] for path in sorted(PROJECT.attacks.glob("nearest_neighbor-*.csv"))]
    closest = pd.concat(records, axis=1, join="inner").min(axis=1).iloc[:4]
    for image, distance in closest.items():
        own = classes == labels[image].item()
        x = images[image].flatten().double().numpy()
        exact = nearest_of_another_class(x, references[own], references[~own]).distance
        assert exact <= distance * (1 + 1e-5) and distance < 1.2 * exact
