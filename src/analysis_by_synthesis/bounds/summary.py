"""Lower bounds and verified adversarials, brought together: what is known about the robustness of a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from analysis_by_synthesis.distances import NORMS, Metric, Norm
from analysis_by_synthesis.evaluation.results import Cell, Row, smallest_distances
from analysis_by_synthesis.evaluation.statistics import CONFIDENCE, Estimate, median, share, withstood
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED_LABEL
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.tables import read_records

MODELS = ("abs", "binary_abs")
BOUNDS = ("single_without_box", "single", "lower")  # columns of the records
ROUNDING = 1e-5  # relative, of distances written with six digits
ARBITER_ROUNDING = 1e-3  # of D in single precision, in squared pixel units, with room

Numbers = dict[str, Any]  # a number by its name, and the check's under `check`


def summarise(
    project: Project, cells: dict[Row, Cell], thresholds: dict[Norm, float], disproved: float
) -> tuple[dict[str, dict[Norm, Numbers]], dict[Norm, dict[str, pd.DataFrame]]]:
    """The numbers of each model in each norm, and the `bracket` of each norm and model.

    Args:
        cells: of all attacks, with their verified adversarials.
        thresholds: of the accuracies.
        disproved: share of itself by which a bound has to fall to count as disproved.
    """
    summary: dict[str, dict[Norm, Numbers]] = {model: {} for model in MODELS}
    brackets: dict[Norm, dict[str, pd.DataFrame]] = {norm: {} for norm in NORMS}
    table = pd.read_csv(project.paper / "bounds.csv", index_col=["model", "norm"]).add_prefix("paper_")
    printed = {entry: _finite(numbers) for entry, numbers in table.to_dict("index").items()}
    records = {
        model: [read_records(project.bounds / f"{model}-{part}.csv") for part in ("paper", "searches")]
        for model in MODELS
    }
    for (norm, attack, model), cell in cells.items():
        if attack == BOUND_GUIDED_LABEL:
            paper, searches = records[model]
            check = searches[searches["norm"] == norm]
            lower = fallen(cell.records, check)
            both = brackets[norm][model] = bracket(lower, smallest_distances(cells, norm, model), norm)
            summary[model][norm] = {
                **summarise_bounds(lower, both, thresholds[norm]),
                **summarise_paper_bounds(paper, lower, norm),
                **printed.get((model, norm), {}),
                "check": summarise_check(check, disproved),
            }
    return summary, brackets


def bracket(lower: pd.DataFrame, upper: pd.Series, norm: Metric) -> pd.DataFrame:
    """The images that have both a lower bound and an attack: columns lower, upper and ratio (nan where both are 0).

    Args:
        lower: records of the bounds in one norm, by image.
        upper: the smallest distance of a verified adversarial in that norm, by image; inf where there is none.

    Raises:
        UserError: a bound is above the distance of a verified adversarial.
    """
    both = pd.concat({"lower": lower["lower"], "upper": upper}, axis=1, join="inner")
    if violated := violations(both):
        raise UserError(
            f"the {norm} bounds of the test images {violated} are above the distance of a verified"
            " adversarial; search longer over z (bounds.search in params.yaml, or the arbiter's rounds)."
        )
    return both.assign(ratio=both["upper"] / both["lower"])


def violations(both: pd.DataFrame) -> list[int]:
    """The test images whose bound is above the distance of an adversarial: columns lower and upper, by image."""
    return [int(image) for image in both.index[both["lower"] > both["upper"] * (1 + ROUNDING)]]


def summarise_bounds(lower: pd.DataFrame, both: pd.DataFrame, threshold: float) -> Numbers:
    """What is known about a model in one norm.

    Args:
        lower: records of the bounds, by image.
        both: its `bracket`.
        threshold: of the accuracies.
    """
    bounds, distances = lower["lower"].to_numpy(), both["upper"].to_numpy()
    summary = {
        "n": len(lower),
        "mean_lower": lower["lower"].mean(),
        "mean_lower_single": lower["single"].mean(),
        "mean_lower_single_without_box": lower["single_without_box"].mean(skipna=False),
        **_named("median_lower", median(bounds)),
        **_named("certified_accuracy", share(withstood(bounds, threshold).sum(), len(bounds))),
        "attacked_n": len(both),
        **_named("median_upper", median(distances)),
        "median_ratio": both["ratio"].median(),
        "closed_to_5_percent": (both["ratio"].fillna(1) <= 1.05).mean(),
        **_named("attacked_accuracy", share(withstood(distances, threshold).sum(), len(distances))),
        "violations": len(violations(both)),
    }
    return _finite(summary)


def summarise_exact(exact: pd.DataFrame, upper: pd.Series, threshold: float) -> Numbers:
    """A model whose robustness is known exactly in one norm, and how close attacks come.

    Args:
        exact: the shortest distances to another class, `lower`, by image.
        upper: the smallest distance of a verified adversarial, by image; inf where there is none.
        threshold: of the accuracy.

    Raises:
        UserError: an adversarial is closer than that.
    """
    both = bracket(exact, upper, "l2")
    robust = share(int(withstood(exact["lower"], threshold).sum()), len(exact))
    return _finite({
        "n": len(exact),
        **_named("median", median(exact["lower"].to_numpy())),
        **_named("accuracy", robust),
        "attacked_n": len(both),
        "median_ratio": both["ratio"].median(),
    })  # fmt: skip


def _named(name: str, estimate: Estimate) -> Numbers:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def summarise_paper_bounds(records: pd.DataFrame, ours: pd.DataFrame, norm: Norm) -> Numbers:
    """The paper's formula: mean and median over images, averaged over seeds, with their standard errors over seeds.

    Args:
        records: by image; the columns seed, and those of paper_bounds.
        ours: our bounds in that norm, by image, for a mean over the same images.
    """
    summary = {}
    if norm in records:
        seeds = records.groupby("seed")[norm]
        root = np.sqrt(records["seed"].nunique())
        summary = {
            "paper_formula_n": records.index.nunique(),
            "mean_lower_paper_formula": seeds.mean().mean(),
            "mean_lower_paper_formula_standard_error": seeds.mean().std() / root,
            "median_lower_paper_formula": seeds.median().mean(),
            "mean_lower_of_the_same_images": ours["lower"].reindex(records.index.unique()).mean(),
        }
    if f"{norm}_with_prior" in records:
        summary["mean_paper_formula_latents_with_prior"] = records[f"{norm}_with_prior"].mean()
    return _finite(summary)


def complete(records: pd.DataFrame) -> pd.DataFrame:
    """Records of bounds, with 0 in each column about them where no image was right from the start and none was bounded.

    Raises:
        UserError: a column is missing although an image was right from the start.
    """
    columns = records.columns.union(["rival", *BOUNDS], sort=False)
    missing = columns.difference(records.columns)
    if len(missing) and records["clean_correct"].any():
        raise UserError(
            f"the records of bounds lack {', '.join(missing)}; take their tables from git, or run: dvc repro bounds"
        )
    return records.reindex(columns=columns, fill_value=0)


def fallen(lower: pd.DataFrame, check: pd.DataFrame) -> pd.DataFrame:
    """Records of bounds in one norm, by image, each bound at most what the check has found for the image with any seed."""
    found = check["found"].groupby(level=0).min().reindex(lower.index).fillna(np.inf)
    bounded = complete(lower)
    return bounded.assign(**{name: bounded[name].clip(upper=found) for name in BOUNDS})


def upper_limit(events: int, n: int) -> float:
    """One-sided 95 % upper limit of a rate (Clopper and Pearson); about 3 / n where nothing was seen."""
    return float(beta.ppf(CONFIDENCE, events + 1, n - events)) if events < n else 1.0


def summarise_check(records: pd.DataFrame, disproved: float) -> Numbers:
    """What the check of a model in one norm has disproved with any of its seeds, and how often it got below the arbiter's D.

    Args:
        records: of bounds_check in one norm, by image; where its solvers have found nothing (inf), a bound isn't checked.
        disproved: share of itself by which a bound has to fall to count as disproved; the largest fall is that of all.
    """
    records = records[records["found"] < np.inf]
    fall = (1 - records["found"] / records["lower"]).where(records["lower"] > 0, 0.0)
    images = pd.DataFrame({"fall": fall, "own": records["own"], "rival": records["rival"]}).groupby(level=0).max()
    count = int((images["fall"] > disproved).sum())
    summary = {
        "n": len(images),
        "seeds": records["seed"].nunique(),
        "disproved": count,
        "disproved_by_one_seed": (fall > disproved).groupby(level=0).mean().sum(),
        "largest_fall": max(0.0, fall.max()),
        "disproved_upper_limit": upper_limit(count, len(images)),
    }
    for which in ("own", "rival"):
        missed = images[which] > ARBITER_ROUNDING
        summary |= {f"arbiter_missed_{which}": int(missed.sum()), f"largest_missed_{which}": images[which].max()}
    return _finite(summary)


def summarise_attacks(records: Mapping[str, pd.DataFrame], lower: pd.Series) -> pd.DataFrame:
    """A row per search that was attacked.

    Args:
        records: by search: label, begun, start and l2 (distances), predicted and arbiter (classes), by image.
        lower: the bounds, by image.

    Returns:
        search, images, n: those on which a walk began, below: images that it gets wrong at less than their bound, with the 95 % interval of their share;
        below_by_arbiter: those that the arbiter gets wrong too, which disprove the bound; median of start / lower and of
        l2 / lower, and the least l2 / lower.
    """
    rows = []
    for search, images in records.items():
        table = images[images["begun"]]
        bound = lower.loc[table.index]
        below = table["l2"] * (1 + ROUNDING) < bound
        rate = share(below.sum(), len(table))
        rows.append({
            "search": search, "images": len(images), "n": len(table), "below": int(below.sum()), "share": rate.value, "share_low": rate.low,
            "share_high": rate.high, "below_by_arbiter": int((below & (table["arbiter"] != table["label"])).sum()),
            "median_start_ratio": (table["start"] / bound).median(),
            "median_ratio": (table["l2"] / bound).median(), "least_ratio": (table["l2"] / bound).min(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _finite(summary: Numbers) -> Numbers:
    """Rounded, without what is infinite or unknown."""
    return {
        name: value if isinstance(value, int) else round(float(value), 6)
        for name, value in summary.items()
        if np.isfinite(value)
    }
