"""The paper's sentences, in the order of their sections."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis_by_synthesis.distances import Norm
from analysis_by_synthesis.evaluation.claims import (
    CLOSEST,
    DIAMETER,
    NO_ATTACKS,
    Claim,
    Judged,
    Statistic,
    accuracies,
    bootstrap,
    compared,
    means,
    medians,
)
from analysis_by_synthesis.evaluation.evidence import Evidence
from analysis_by_synthesis.evaluation.statistics import share, withstood
from analysis_by_synthesis.params.claims import ClaimSettings
from analysis_by_synthesis.params.report import MODEL_LABELS

OTHERS = ("cnn", "binary_cnn", "nearest_neighbor", "madry")  # all but the ABS models
AMORTISED = "abs_amortised"
BOUNDARY = "Boundary Attack"


def _single_best(norm: Norm) -> Callable[[Evidence, ClaimSettings], Judged]:
    """The share of images that an attack loses on the model where it wins least; of the attack where that is smallest.

    Of the attacks that all models have, on the images that one of them can change: a draw isn't a loss.
    """

    def lost(evidence: Evidence, settings: ClaimSettings) -> Judged:
        tables = [table for (of, model), table in evidence.distances.items() if of == norm and model in MODEL_LABELS]
        common = sorted(set.intersection(*(set(table) for table in tables))) if tables else []
        least = [table[common].min(axis=1) for table in tables]
        changed = [table[common][(best > 0) & (best < np.inf)] for table, best in zip(tables, least)]
        if not common or any(table.empty for table in changed):
            return Judged(None, 0)
        shares = [
            min(
                (((table[attack] <= table.min(axis=1)).sum(), len(table)) for table in changed),
                key=lambda p: p[0] / p[1],
            )
            for attack in common
        ]
        won, n = max(shares, key=lambda pair: pair[0] / pair[1])
        return Judged(share(n - won, n), n, settings.majority)

    return lost


def _together(evidence: Evidence, settings: ClaimSettings) -> Judged:
    """In how many norms and models the median of all attacks together is below that of each."""
    pairs = [
        table.min(axis=1).median() < table.median().min()
        for (norm, model), table in evidence.distances.items()
        if model in MODEL_LABELS and table.shape[1] > 1
    ]
    return Judged(share(sum(pairs), len(pairs)), len(pairs), settings.majority) if pairs else Judged(None, 0)


def _without_boundary(evidence: Evidence, settings: ClaimSettings) -> Judged:
    table = evidence.distances.get(("l2", "madry"), pd.DataFrame())
    if BOUNDARY not in table:
        return Judged(None, 0)
    both = pd.concat([table.drop(columns=BOUNDARY).min(axis=1), table.min(axis=1)], axis=1).clip(upper=DIAMETER["l2"])

    def difference(distances: np.ndarray) -> np.ndarray:
        without, whole = np.moveaxis(medians(distances), -1, 0)
        return np.asarray(without - whole)

    return Judged(bootstrap(both.to_numpy(), difference, settings), len(both))


def _clean(evidence: Evidence, settings: ClaimSettings) -> Judged:
    models = [model for model in evidence.correct if model != "nearest_neighbor"]
    least = min((evidence.correct[model] for model in models), key=np.mean)
    return Judged(share(least.sum(), len(least)), len(least), settings.close_accuracy)


def _susceptible(evidence: Evidence, settings: ClaimSettings) -> Judged:
    table = evidence.distances.get(("l2", "madry"))
    if table is None:
        return Judged(None, 0)
    fooled = (~withstood(table.min(axis=1), evidence.thresholds["l2"])).sum()
    return Judged(share(fooled, len(table)), len(table), settings.majority)


def _binarization(evidence: Evidence, settings: ClaimSettings) -> Judged:
    keys: list[tuple[Norm, str]] = [("linf", "madry"), ("linf", "binary_cnn")]
    if any(key not in evidence.distances for key in keys):
        return Judged(None, 0)
    both = pd.concat([evidence.distances[key].min(axis=1) for key in keys], axis=1, join="inner").clip(upper=1.0)

    def ratio(distances: np.ndarray) -> np.ndarray:
        madry, binary = np.moveaxis(medians(distances), -1, 0)
        return np.asarray(binary / madry)

    return Judged(bootstrap(both.to_numpy(), ratio, settings), len(both), 1 / settings.not_much_better)


def _unrecognizable(*models: str) -> Callable[[Evidence, ClaimSettings], Judged]:
    def least(evidence: Evidence, settings: ClaimSettings) -> Judged:
        reached, starts = min((evidence.distal[model] for model in models), key=lambda pair: pair[0] / pair[1])
        return Judged(share(reached, starts), starts, settings.majority)

    return least


def _none_distal(evidence: Evidence, settings: ClaimSettings) -> Judged:
    reached, starts = evidence.distal["abs"]
    return Judged(share(starts - reached, starts), starts, settings.majority)


def _bound(model: str, norm: Norm, of: Statistic) -> Callable[[Evidence, ClaimSettings], Judged]:
    """The paper's bound, averaged over seeds, against the numbers that it prints: they meet, or they don't."""

    def estimate(evidence: Evidence, settings: ClaimSettings) -> Judged:
        images = evidence.bounds[model].groupby("image")[norm].mean().to_numpy()[:, None]
        return Judged(
            bootstrap(images, lambda values: of(values)[..., 0], settings), len(images), *evidence.printed[model, norm]
        )

    return estimate


def _perceptual(evidence: Evidence, settings: ClaimSettings) -> Judged:
    """How much more often other models follow ABS's adversarials to their class than the CNN's, on images that have both."""
    follow = {}
    for model, others in (("abs", OTHERS), ("cnn", ("binary_cnn", "nearest_neighbor", "madry", "abs"))):
        own = evidence.seen[evidence.seen["of"] == model].set_index("image")
        follow[model] = own[list(others)].eq(own["predicted"], axis=0).mean(axis=1)
    both = pd.concat(follow, axis=1, join="inner").to_numpy()
    more = bootstrap(both, lambda shares: shares[..., 0].mean(-1) - shares[..., 1].mean(-1), settings)
    return Judged(more, len(both))


def _mean_bound(evidence: Evidence, settings: ClaimSettings) -> Judged:
    images = evidence.bounds["abs"].groupby("image")["l2"].mean().to_numpy()[:, None]
    mean = bootstrap(images, lambda values: values.mean((-2, -1)), settings)
    return Judged(mean, len(images), settings.adversarial_training)


# --- The paper's sentences ------------------------------------------------------------------------------------------------

CLAIMS = (
    Claim("Abstract; section 7", "for L2 our ABS model outperforms all other models",
          "median L2 of ABS less the largest of the others",
          lambda e, s: compared(e, "l2", ("abs",), ("binary_abs", *OTHERS), medians, s)),
    Claim("Section 7", "for Linf, our Binary ABS model is state-of-the-art in terms of median perturbation size",
          "median Linf of Binary ABS less the largest of the others",
          lambda e, s: compared(e, "linf", ("binary_abs",), ("abs", *OTHERS), medians, s)),
    Claim("Section 7; Figures 2 and 8", "a threshold at 0.3 favors Madry et al.",
          "accuracy at Linf 0.3 of Madry et al. less that of Binary ABS",
          lambda e, s: compared(e, "linf", ("madry",), ("binary_abs",), accuracies(e.thresholds["linf"]), s)),
    Claim("Section 7; Figures 2 and 8", "a threshold of 0.35 would have favored the Binary ABS",
          "accuracy at Linf 0.35 of Binary ABS less that of Madry et al.",
          lambda e, s: compared(e, "linf", ("binary_abs",), ("madry",), accuracies(s.slightly_larger), s)),
    Claim("Section 7", "for L0, both ABS and Binary ABS are more robust than all other models",
          "smaller median L0 of ABS and Binary ABS less the largest of the others",
          lambda e, s: compared(e, "l0", ("abs", "binary_abs"), OTHERS, medians, s)),
    Claim("Abstract; section 7", "Madry et al. has lower L0 robustness than undefended networks",
          "median L0 of the CNN less that of Madry et al.",
          lambda e, s: compared(e, "l0", ("cnn",), ("madry",), medians, s)),
    Claim("Abstract", "Madry et al. is still highly susceptible to L2 perturbations",
          "share of images with an adversarial of Madry et al. within L2 1.5", _susceptible),
    Claim("Abstract", "Madry et al. classifies unrecognizable images with high certainty",
          "share of ascents from noise that end certain and far from the data", _unrecognizable("madry"), NO_ATTACKS),
    Claim("Section 7; Figure 4", "standard CNNs and Madry et al. provide high confidence class probabilities for unrecognizable images",
          "smaller share of the two, of ascents from noise that end certain and far from the data",
          _unrecognizable("cnn", "madry"), NO_ATTACKS),
    Claim("Section 7; Figure 4", "ABS does not provide high confidence predictions in out-of-distribution regions",
          "share of ascents from noise that do not end certain and far from the data", _none_distal, NO_ATTACKS),
    Claim("Abstract", "Madry et al. performs not much better than simple input binarization",
          "median Linf of Binary CNN divided by that of Madry et al.", _binarization),
    Claim("Section 7", "all models except Nearest Neighbor perform close to 99 % on clean test samples",
          "least clean accuracy of the other five", _clean, NO_ATTACKS),
    Claim("Section 7", "the mean L2 bound of ABS is above the 0.48 of Hein and Andriushchenko",
          "mean of the paper's L2 bound (eq. 8) over images", _mean_bound, NO_ATTACKS),
    Claim("Section 3", "amortised inference is susceptible to adversarial perturbations (L2)",
          "median L2 of ABS less that of the ELBO at the encoder's mean",
          lambda e, s: compared(e, "l2", ("abs",), (AMORTISED,), medians, s)),
    Claim("Section 3", "amortised inference is susceptible to adversarial perturbations (Linf)",
          "median Linf of ABS less that of the ELBO at the encoder's mean",
          lambda e, s: compared(e, "linf", ("abs",), (AMORTISED,), medians, s)),
    Claim("Section 8", "there is no single attack that works best on all models (L2)",
          "share of images that even the best L2 attack loses on the model where it wins least", _single_best("l2")),
    Claim("Section 8", "there is no single attack that works best on all models (Linf)",
          "share of images that even the best Linf attack loses on the model where it wins least", _single_best("linf")),
    Claim("Section 8", "there is no single attack that works best on all models (L0)",
          "share of images that even the best L0 attack loses on the model where it wins least", _single_best("l0")),
    Claim("Section 8", "without the Boundary Attack Madry et al. would have looked more robust to L2",
          "median L2 of Madry et al. without the Boundary Attack less that with it", _without_boundary),
    Claim("Section 8", "the combination of all attacks of one metric is often better than any individual attack",
          "share of norms and models where the median of all attacks is below that of each", _together),
    Claim("Section 7", "the lower bound for the mean perturbation is 0.690 +- 0.005 for ABS",
          "mean of the paper's L2 bound (eq. 8) over images", _bound("abs", "l2", means), NO_ATTACKS),
    Claim("Section 7", "and 0.601 +- 0.005 for Binary ABS",
          "mean of the paper's L2 bound (eq. 8) over images", _bound("binary_abs", "l2", means), NO_ATTACKS),
    Claim("Section 7", "in the Linf metric we find a median robustness of 0.06",
          "median of the paper's Linf bound over images", _bound("abs", "linf", medians), NO_ATTACKS),
    Claim("Abstract; Figure 3", "adversarial examples are perturbed towards the perceptual boundary",
          "share of other models that take ABS's closest L2 adversarials for the new class, less the same for the CNN's",
          _perceptual, CLOSEST),
)  # fmt: skip
