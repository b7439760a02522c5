"""Summary of the lower bounds, checked against the verified adversarials of the same samples."""

import pandas as pd

from analysis_by_synthesis.stage import Problem


def summarise_bounds(bounds: pd.DataFrame, adversarial: dict[str, pd.Series]) -> dict[str, dict[str, float]]:
    """Mean, its standard error and median per norm.

    Args:
        bounds: per sample, a column for each norm.
        adversarial: per norm, the smallest verified distance of each sample.

    Raises:
        Problem: a bound is above the distance of a verified adversarial.
    """
    summary = {}
    for norm in bounds.columns.intersection(list(adversarial)):
        both = pd.concat({"lower": bounds[norm], "upper": adversarial[norm]}, axis=1, join="inner")
        violated = both.index[both["lower"] > both["upper"]]
        if len(violated):
            raise Problem(
                f"the {norm} bounds of the test images {list(violated)} are above the distance of a verified adversarial;"
                " search longer over z (bounds.steps in params.yaml)."
            )
        lower = bounds[norm]
        summary[norm] = {
            "n": len(lower),
            "mean_lower_paper_formula": round(float(lower.mean()), 6),
            "standard_error": round(float(lower.sem()), 6),
            "median_lower_paper_formula": round(float(lower.median()), 6),
            "compared_with_adversarials": len(both),
            "violations": len(violated),
        }
    return summary
