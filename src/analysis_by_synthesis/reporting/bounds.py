"""Lower bounds and verified adversarials, brought together: numbers for bounds.json, and the figure of the gap."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import beta

from analysis_by_synthesis.distances import NORMS, Norm
from analysis_by_synthesis.params.attacks.bound_guided import BOUND_GUIDED_LABEL
from analysis_by_synthesis.params.report import MODEL_LABELS
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.files import write_json
from analysis_by_synthesis.pipeline.paths import BOUNDS
from analysis_by_synthesis.pipeline.tables import read_records, write_csv
from analysis_by_synthesis.reporting.figure2 import LIMITS, POINTS, accuracy_curve
from analysis_by_synthesis.reporting.records import Cell, Row, smallest
from analysis_by_synthesis.reporting.style import MODEL_LINES, NORM_LABELS, save

MODELS = ("abs", "binary_abs")
PAPER = Path("paper/bounds.csv")
ROUNDING = 1e-5  # relative, of distances written with six digits
CONFIDENCE = 0.95
ARBITER_ROUNDING = 1e-3  # of D in single precision, in squared pixel units, with room


def report_bounds(
    cells: dict[Row, Cell], thresholds: dict[Norm, float], disproved: float, metrics: Path, plots: Path
) -> None:
    """Write bounds.json, and the figure and curves of the gap, from the records of the bounds.

    Args:
        cells: of all attacks, with their verified adversarials.
        thresholds: of the accuracies.
        disproved: share of itself by which a bound has to fall to count as disproved.
    """
    summary: dict[str, dict[Norm, dict]] = {model: {} for model in MODELS}
    brackets: dict[Norm, dict[str, pd.DataFrame]] = {norm: {} for norm in NORMS}
    records = {
        model: [read_records(BOUNDS / f"{model}-{part}.csv") for part in ("paper", "searches")] for model in MODELS
    }
    for (norm, attack, model), cell in cells.items():
        if attack == BOUND_GUIDED_LABEL:
            paper, searches = records[model]
            lower = fallen(cell.records, searches[searches["norm"] == norm])
            both = brackets[norm][model] = bracket(lower, smallest(cells, norm, model), norm)
            summary[model][norm] = {
                **summarise_bounds(lower, both, thresholds[norm]),
                **summarise_paper_bounds(paper, lower, model, norm),
                "check": summarise_check(searches[searches["norm"] == norm], disproved),
            }
    write_json(metrics / "bounds.json", summary)
    tables = {norm: curves(brackets[norm], norm) for norm in NORMS}
    for norm, table in tables.items():
        write_csv(plots / "bounds" / f"{norm}.csv", table)
    draw(tables, thresholds, plots / "bounds.png")


def bracket(lower: pd.DataFrame, upper: pd.Series, norm: Norm) -> pd.DataFrame:
    """The images that have both a lower bound and an attack: columns lower, upper and ratio (nan where both are 0).

    Args:
        lower: records of the bounds in one norm, by image.
        upper: the smallest distance of a verified adversarial in that norm, by image; inf where there is none.

    Raises:
        UserError: a bound is above the distance of a verified adversarial.
    """
    both = pd.concat({"lower": lower["lower"], "upper": upper}, axis=1, join="inner")
    violated = both.index[both["lower"] > both["upper"] * (1 + ROUNDING)]
    if len(violated):
        raise UserError(
            f"the {norm} bounds of the test images {list(violated)} are above the distance of a verified"
            " adversarial; search longer over z (bounds.search in params.yaml, or the arbiter's rounds)."
        )
    return both.assign(ratio=both["upper"] / both["lower"])


def summarise_bounds(lower: pd.DataFrame, both: pd.DataFrame, threshold: float) -> dict[str, float]:
    """What is known about a model in one norm.

    Args:
        lower: records of the bounds, by image.
        both: its `bracket`.
        threshold: of the accuracies.
    """
    summary = {
        "n": len(lower),
        "mean_lower": lower["lower"].mean(),
        "mean_lower_single": lower["single"].mean(),
        "mean_lower_single_without_box": lower["single_without_box"].mean(skipna=False),
        "median_lower": lower["lower"].median(),
        "certified_accuracy": (lower["lower"] > threshold).mean(),
        "attacked_n": len(both),
        "median_upper": both["upper"].median(),
        "median_ratio": both["ratio"].median(),
        "closed_to_5_percent": (both["ratio"].fillna(1) <= 1.05).mean(),
        "attacked_accuracy": (both["upper"] > threshold).mean(),
        "violations": int((both["lower"] > both["upper"] * (1 + ROUNDING)).sum()),
    }
    return _finite(summary)


def summarise_paper_bounds(records: pd.DataFrame, ours: pd.DataFrame, model: str, norm: Norm) -> dict[str, float]:
    """The paper's formula: mean and median over images, averaged over seeds, with their standard errors over seeds.

    Args:
        records: by image; the columns seed, and those of paper_bounds.
        ours: our bounds in that norm, by image, for a mean over the same images.
    """
    paper = pd.read_csv(PAPER).set_index(["model", "norm"])
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
    if (model, norm) in paper.index:
        printed = paper.loc[(model, norm)].dropna()
        summary |= {f"paper_{name}": value for name, value in printed.items()}
    return _finite(summary)


def fallen(lower: pd.DataFrame, check: pd.DataFrame) -> pd.DataFrame:
    """Records of bounds in one norm, by image, each bound at most what the check has found for the image."""
    found = check["found"].reindex(lower.index).fillna(np.inf)
    return lower.assign(**{name: lower[name].clip(upper=found) for name in ("single_without_box", "single", "lower")})


def upper_limit(events: int, n: int) -> float:
    """One-sided 95 % upper limit of a rate (Clopper and Pearson); about 3 / n where nothing was seen."""
    return float(beta.ppf(CONFIDENCE, events + 1, n - events)) if events < n else 1.0


def summarise_check(records: pd.DataFrame, disproved: float) -> dict[str, float]:
    """What the check of a model in one norm has disproved, and how often its search got below the arbiter's D.

    Args:
        records: of bounds_check in one norm.
        disproved: share of itself by which a bound has to fall to count as disproved; the largest fall is that of all.
    """
    fall = (1 - records["found"] / records["lower"]).where(records["lower"] > 0, 0.0)
    count = int((fall > disproved).sum())
    summary = {
        "n": len(records),
        "disproved": count,
        "largest_fall": max(0.0, fall.max()),
        "disproved_upper_limit": upper_limit(count, len(records)),
    }
    for which in ("own", "rival"):
        missed = records[which] > ARBITER_ROUNDING
        summary |= {f"arbiter_missed_{which}": int(missed.sum()), f"largest_missed_{which}": records[which].max()}
    return _finite(summary)


def curves(brackets: dict[str, pd.DataFrame], norm: Norm) -> pd.DataFrame:
    """Certified and attacked accuracy of each model that was attacked, on an even grid of distances."""
    grid = np.linspace(0, LIMITS[norm], POINTS)
    columns = {"distance": grid}
    for model, both in brackets.items():
        if len(both):
            columns[f"{model}_certified"] = accuracy_curve(both["lower"].to_numpy(), grid)
            columns[f"{model}_attacked"] = accuracy_curve(both["upper"].to_numpy(), grid)
    return pd.DataFrame(columns)


def draw(tables: dict[Norm, pd.DataFrame], thresholds: dict[Norm, float], path: Path) -> None:
    """Between the two curves of a model lies its accuracy under the strongest possible attack."""
    figure, axes = plt.subplots(len(MODELS), len(NORMS), figsize=(11, 6.2), sharey=True, layout="constrained")
    for row, model in zip(axes, MODELS):
        color = MODEL_LINES[model]["color"]
        for axis, norm in zip(row, NORMS):
            table = tables[norm]
            if f"{model}_certified" in table:
                certified, attacked = table[f"{model}_certified"], table[f"{model}_attacked"]
                axis.fill_between(table["distance"], certified, attacked, color=color, alpha=0.3, linewidth=0)
                axis.plot(table["distance"], attacked, color=color, linestyle="--", label="attacked")
                axis.plot(table["distance"], certified, color=color, linestyle="-", label="certified")
            axis.axvline(thresholds[norm], color="grey", linewidth=1)
            axis.set(xlabel=NORM_LABELS[norm], xlim=(0, LIMITS[norm]), ylim=(0, 1))
        row[0].set_ylabel(f"accuracy of {MODEL_LABELS[model]}")
    axes[0, 0].legend(loc="upper right")
    save(figure, path)


def _finite(summary: dict[str, float]) -> dict[str, float]:
    """Rounded, without what is infinite or unknown."""
    return {
        name: value if isinstance(value, int) else round(float(value), 6)
        for name, value in summary.items()
        if np.isfinite(value)
    }
